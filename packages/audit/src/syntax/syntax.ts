/**
 * What a fix may ask about source. Answers are places, words and shapes one level deep: no tree, no node.
 * A fix says what it needs to know of a place; how that is found out is nobody else's business.
 */
import type { Location } from '../finding/finding.ts'
import type { Manifest } from '../source/manifest.ts'

/** A stretch of one file, in UTF-16 offsets, end exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** How a file is written. */
export interface Style {
  /** One step of indentation. */
  readonly indent: string
  readonly newline: '\n' | '\r\n'
  readonly quote: "'" | '"'
  readonly semicolons: boolean
  /** Whether a list over several lines ends with a comma. */
  readonly trailingCommas: boolean
}

export interface Call extends Span {
  readonly kind: 'call'
  readonly isNew: boolean
  /** As it is written: `res.cookie`, `session`. */
  readonly callee: string
  readonly calleeSpan: Span
  readonly arguments: readonly Span[]
}

export interface Property extends Span {
  /** Undefined where it is computed. */
  readonly name: string | undefined
  /** `shorthand`: `{ a }`; `method`: `a() {}` and accessors. */
  readonly form: 'plain' | 'shorthand' | 'method'
  readonly value: Span
}

export interface ObjectLiteral extends Span {
  readonly kind: 'object'
  readonly properties: readonly Property[]
  /** Something is spread into it, so that more may be set than is written. */
  readonly isOpen: boolean
  /** Where the last of its properties and spreads ends; its own start where it has none. */
  readonly lastEnd: number
}

export interface Binary extends Span {
  readonly kind: 'binary'
  /** `===`, `??`, `+`, … */
  readonly operator: string
  readonly left: Span
  readonly right: Span
}

export interface Member extends Span {
  readonly kind: 'member'
  readonly object: Span
  /** Undefined where it is computed. */
  readonly name: string | undefined
  /** `a?.b` */
  readonly isOptional: boolean
}

export interface FunctionShape extends Span {
  readonly kind: 'function'
  readonly name: string | undefined
  readonly isArrow: boolean
  readonly isAsync: boolean
  readonly isGenerator: boolean
  readonly parameters: readonly Parameter[]
  readonly body: Span
  /** Whether the body is an expression, as arrow functions may have it. */
  readonly isExpression: boolean
}

export interface ClassShape extends Span {
  /** Whether it extends another. */
  readonly isDerived: boolean
  readonly members: readonly ClassMember[]
}

export interface ClassMember extends Span {
  readonly kind: 'field' | 'method' | 'constructor' | 'other'
  /** As it is written after `this.`: `sessions`, `#sessions`; undefined where it is computed. */
  readonly name: string | undefined
  readonly isStatic: boolean
  /** What a field is given; the body of a method. Undefined where nothing is written. */
  readonly value: Span | undefined
  /** Of a method: where the last of its statements ends; the beginning of its body where it has none. */
  readonly lastEnd: number | undefined
}

export interface Parameter extends Span {
  /** Undefined where it is taken apart. */
  readonly name: string | undefined
  /** Whether its type is written. */
  readonly isTyped: boolean
}

/** What stands in a place, one level deep. */
export type Shape =
  | Call
  | ObjectLiteral
  | Binary
  | Member
  | FunctionShape
  | (Span & { readonly kind: 'name'; readonly name: string })
  | (Span & { readonly kind: 'text'; readonly value: string })
  | (Span & { readonly kind: 'template'; readonly parts: readonly Span[] })
  | (Span & { readonly kind: 'other' })

export interface Assignment extends Span {
  readonly operator: string
  readonly target: Span
  readonly value: Span
}

/** Statements one after another, and whose they are. */
export interface Block {
  readonly statements: readonly Statement[]
  readonly of: 'module' | 'function' | 'statement'
}

export interface Statement extends Span {
  /** `variable`, `return`, `throw`, `if`, `expression`, `function`, `import`, … */
  readonly kind: string
  /** Whether nothing after it in its block can be reached. */
  readonly leaves: boolean
}

/** Where a name comes from. */
export interface Declaration {
  readonly kind: 'import' | 'const' | 'let' | 'var' | 'function' | 'class' | 'parameter' | 'other'
  /** The name itself. */
  readonly span: Span
  /** The whole statement or parameter. */
  readonly whole: Span
  /** What a variable is given, where it is not taken apart. */
  readonly initial: Span | undefined
  readonly isTopLevel: boolean
}

/** An import or a `require` at the top of a file. */
export interface Import extends Span {
  readonly module: string
  readonly form: 'import' | 'require'
  readonly isTypeOnly: boolean
  /** The local name of the default export, or of all that `require` gives. */
  readonly whole: string | undefined
  /** `import * as name`. */
  readonly namespace: string | undefined
  readonly names: readonly ImportedName[]
  /** Where another name can be put: after the last of those there are. */
  readonly lastName: number | undefined
}

export interface ImportedName {
  readonly imported: string
  readonly local: string
  readonly isType: boolean
  readonly span: Span
}

export interface FileSyntax {
  readonly path: string
  readonly text: string
  readonly style: Style
  readonly isTypeScript: boolean
  /** Whether it says `import` and `export`; else it says `require`. */
  readonly isModule: boolean
  readonly imports: readonly Import[]
  /** Where a first import can stand: after a hashbang and directives. */
  readonly top: number

  spanOf(location: Location): Span
  /** The text of a span. */
  textOf(span: Span): string
  /** The outermost expression, function or class that a span covers exactly; type assertions and parentheses around it do not count. */
  shapeOf(span: Span): Shape | undefined
  /** The expressions around a place, the innermost first, as far as the innermost function or statement. */
  expressionsAround(span: Span): readonly Shape[]
  /** All calls within a span (the whole file if absent), in source order. */
  calls(within?: Span): readonly Call[]
  /** All assignments within a span (the whole file if absent), in source order. */
  assignments(within?: Span): readonly Assignment[]
  /** All members (`a.b`) within a span (the whole file if absent), in source order. */
  members(within?: Span): readonly Member[]
  /** All object literals within a span (the whole file if absent), in source order. */
  objects(within?: Span): readonly ObjectLiteral[]
  /** Places where a name is used or declared, property names aside. */
  mentions(name: string): readonly Span[]
  /** Functions around a place, the innermost first. */
  functionsAround(span: Span): readonly FunctionShape[]
  /** The class that `this` is an object of in a place; undefined where it is anything else. */
  classAround(span: Span): ClassShape | undefined
  /** All functions of the file, in source order. */
  functions(): readonly FunctionShape[]
  /** The innermost statement around a place that stands in a block. */
  statementAround(span: Span): Statement | undefined
  /** The block in which that statement stands. */
  blockAround(span: Span): Block | undefined
  /** The innermost call around a place that is not the place itself. */
  callAround(span: Span): Call | undefined
  /** The declaration that a name at a place refers to; undefined for a global. */
  declarationOf(name: string, at: Span): Declaration | undefined
  /** Whether within the innermost function a `try` with a `catch` is around a place. */
  isCaught(span: Span): boolean
  /** Whether a function is over where the block around a place is. */
  endsFunction(span: Span): boolean
  /** Whether a statement of a kind (`return`, `throw`, `break`, …) stands in a span, functions within it aside. */
  holds(span: Span, kinds: readonly string[]): boolean
  /** What the `return` statements in a span give back, functions within it aside. */
  returns(span: Span): readonly Span[]
  /** Whether `await` or `yield` stands in a span, functions within it aside. */
  suspends(span: Span): boolean
  /** Whether a place is in code that is evaluated each time it stands for, not once when its module is loaded. */
  isInFunction(span: Span): boolean
  /** The white space that the line of an offset begins with. */
  indentAt(offset: number): string
  /** Where the line of an offset begins. */
  lineStart(offset: number): number
  /** The text of a span, with each line after the first moved one step to the right; texts over several lines stay as they are. */
  indented(span: Span): string
}

export interface Syntax {
  /** Undefined for what is no source, or could not be parsed whole. */
  file(path: string): FileSyntax | undefined
  /** The files in whose text a word occurs. */
  filesWith(word: string): readonly FileSyntax[]
  /** Every package.json that lies in the tree. */
  manifests(): readonly Manifest[]
  /** A compose file of the tree. */
  deployment(path: string): Pick<FileSyntax, 'path' | 'text' | 'spanOf'> | undefined
  /** The version of a dependency that a file gets. */
  versionOf(packageName: string, path: string): string | undefined
}
