/** The questions of `syntax.ts`, answered from the parser's tree. */
import { parseWhole } from '../extract/parse.ts'
import type { Node } from '../extract/ast.ts'
import { lineStarts, offsetsOf } from '../source/lines.ts'
import { manifestsOf } from '../source/manifest.ts'
import type { SourceFile, SourceTree } from '../source/tree.ts'
import { blockOf, endsFunction, kindOf, statementOf } from './blocks.ts'
import { importsIn, isModule, topOf } from './imports.ts'
import { indented, indentAt } from './lines.ts'
import { isCaught, NodeIndex, withinFunction } from './nodes.ts'
import { declarationOf, mentionsOf } from './scopes.ts'
import {
  assignmentShape,
  callShape,
  classAround,
  expressionsAround,
  functionShape,
  memberShape,
  objectShape,
  shapeOf,
} from './shapes.ts'
import { styleOf } from './style.ts'
import type { FileSyntax, Span, Syntax } from './syntax.ts'

/** Files are parsed when they are first asked for, once. */
export function createSyntax(tree: SourceTree): Syntax {
  const files = new Map<string, FileSyntax | undefined>()
  const file = (path: string): FileSyntax | undefined => {
    if (!files.has(path)) files.set(path, fileSyntax(tree.file(path)))
    return files.get(path)
  }
  return {
    file,
    filesWith: (word) => tree.files.filter(({ text }) => text.includes(word)).flatMap(({ path }) => file(path) ?? []),
    manifests: () => manifestsOf(tree),
    deployment(path) {
      const found = tree.deployments.find((each) => each.path === path)
      return (
        found && {
          path,
          text: found.text,
          spanOf: (location) => offsetsOf(location, found.text, lineStarts(found.text)),
        }
      )
    },
    versionOf: (packageName, path) => tree.versionOf(packageName, path)?.version,
  }
}

/** A file that the parser could not read whole is none that anybody should edit. */
function fileSyntax(file: SourceFile | undefined): FileSyntax | undefined {
  const program = file && parseWhole(file)
  return file && program && describe(file, program as unknown as Node)
}

function describe({ path, text }: SourceFile, program: Node): FileSyntax {
  const index = new NodeIndex(program, text)
  const starts = lineStarts(text)
  const style = styleOf(index)
  const shapesOf = <T>(read: (node: Node, index: NodeIndex) => T | undefined, within?: Span): readonly T[] =>
    index.inside(within).flatMap((node) => read(node, index) ?? [])
  return {
    path,
    text,
    style,
    isTypeScript: /\.[cm]?tsx?$/.test(path),
    isModule: isModule(program, path),
    imports: importsIn(program),
    top: topOf(program, text),
    spanOf: (location) => offsetsOf(location, text, starts),
    textOf: ({ start, end }) => text.slice(start, end),
    shapeOf: (span) => shapeOf(span, index),
    expressionsAround: (span) => expressionsAround(span, index),
    calls: (within) => shapesOf(callShape, within),
    assignments: (within) => shapesOf(assignmentShape, within),
    members: (within) => shapesOf(memberShape, within),
    objects: (within) => shapesOf(objectShape, within),
    mentions: (name) => mentionsOf(name, index),
    functionsAround: (span) => index.around(span).flatMap((node) => functionShape(node, index) ?? []),
    classAround: (span) => classAround(span, index),
    functions: () => shapesOf(functionShape),
    statementAround: (span) => statementOf(span, index),
    blockAround: (span) => blockOf(span, index),
    callAround: (span) =>
      index
        .around(span)
        .flatMap((node) => callShape(node, index) ?? [])
        .find((call) => call.start !== span.start || call.end !== span.end),
    declarationOf: (name, at) => declarationOf(name, at, index),
    isCaught: (span) => isCaught(span, index),
    endsFunction: (span) => endsFunction(span, index),
    holds: (span, kinds) => withinFunction(span, index).some(({ type }) => kinds.includes(kindOf(type))),
    returns: (span) =>
      withinFunction(span, index).flatMap((node) => {
        const value = node.type === 'ReturnStatement' ? (node['argument'] as Node | null) : null
        return value ? [{ start: value.start, end: value.end }] : []
      }),
    suspends: (span) => withinFunction(span, index).some(suspends),
    isInFunction: (span) => index.around(span).some((node) => functionShape(node, index) !== undefined),
    indentAt: (offset) => indentAt(offset, text),
    lineStart: (offset) => starts.findLast((start) => start <= offset) ?? 0,
    indented: (span) => indented(span, style.indent, index),
  }
}

function suspends(node: Node): boolean {
  return node.type === 'AwaitExpression' || node.type === 'YieldExpression' || node['await'] === true
}
