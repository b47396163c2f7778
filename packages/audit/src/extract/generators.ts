/** Servers that exist only as text: templates from which a program writes the source of a server. */
import type { Gap } from '../finding/finding.ts'
import type { Node } from './ast.ts'
import { children } from './ast.ts'
import type { Machine } from './machine.ts'
import type { Module } from './modules.ts'

const IMPORTS_SERVER =
  /(?:\bfrom|\bimport|\brequire\()\s*['"](?:@modelcontextprotocol\/|express|fastify|hono|koa|node:http|https?['"])/
const STARTS_SERVER =
  /\bnew\s+(?:Mcp)?Server\s*\(|\bnew\s+FastMCP\b|ServerTransport\s*\(|\.listen\s*\(|\bcreateServer\s*\(|\bserve\s*\(/

/** One gap for each template that holds the source of a server. It says nothing against the code around it. */
export function generatedServers(machine: Machine): readonly Gap[] {
  return [...machine.modules.values()].filter(mayGenerate).flatMap((module) =>
    templatesIn(module.program)
      .filter(isServer)
      .map((node) => gapAt(node, module)),
  )
}

/** Most files hold no template that could: they are not walked. What a file itself imports stands before its first template. */
function mayGenerate({ file: { text } }: Module): boolean {
  const inner = text.slice(text.indexOf('`') + 1, Math.max(0, text.lastIndexOf('`')))
  const templates = inner.replaceAll(/\\[nrt]?/g, ' ')
  return IMPORTS_SERVER.test(templates) && STARTS_SERVER.test(templates)
}

/** The outermost template literals of a program, without recursion. */
function templatesIn(program: Node): readonly Node[] {
  const templates: Node[] = []
  const pending: Node[] = [program]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.type === 'TemplateLiteral') templates.push(node)
    else pending.push(...children(node))
  }
  return templates
}

function isServer(template: Node): boolean {
  const text = ((template['quasis'] ?? []) as Node[]).map(textOf).join(' ')
  return text.includes('\n') && IMPORTS_SERVER.test(text) && STARTS_SERVER.test(text)
}

function textOf(quasi: Node): string {
  const value = quasi['value'] as { readonly cooked?: string | null; readonly raw: string }
  return value.cooked ?? value.raw
}

function gapAt({ start, end }: Node, { file }: Module): Gap {
  return {
    path: file.path,
    reason: 'This template is the source of a server; the servers that are generated from it were not audited.',
    location: file.locate(start, end),
  }
}
