/** Which files start-up is followed in: those that may serve, and all that lead to them. */
import type { Node } from './ast.ts'
import { children } from './ast.ts'
import { importsOf } from './imports.ts'
import type { Machine } from './machine.ts'
import type { Module } from './modules.ts'
import { isPageHook } from './page-hooks.ts'

/** What code that may serve is told by, whatever it serves. */
export const SERVING = new RegExp(
  [
    String.raw`\b(?:createServer|createSecureServer|McpServer|FastMCP|handleRequest|handlePostMessage|writeHead|SSEServerTransport|WebSocketServer)\b`,
    String.raw`\bcreateMcp\w+\(|HTTPServerTransport|\bnew (?:Server|Hono|Koa)\b|\b(?:serve|Router|express|fastify|Fastify)\s*\(`,
    String.raw`\.listen\s*\(|\bpassport\b|\b(?:req|request|ctx|context|c)\.session\b|\.(?:get|post|put|delete|all|use)\(\s*['"\x60]/`,
    String.raw`(?:\bfrom|\brequire\()\s*['"](?:express|fastify|hono|koa|ws|next|socket\.io|uWebSockets\.js|@nestjs|elysia|h3|polka)['"/]`,
    String.raw`(?:\bfrom|\brequire\()\s*['"](?:next-auth|better-auth|@auth\/[\w-]+|iron-session|@sveltejs\/kit|@remix-run\/[\w-]+)['"/]`,
    String.raw`(?:\bfrom|\brequire\()\s*['"](?:@hapi/hapi|@adonisjs|@loopback/rest|@feathersjs|moleculer|@nocobase|@strapi|@directus|payload|@medusajs|@keystone-6|routing-controllers|@trpc/server|@apollo/server|graphql-yoga|astro|n8n-workflow|firebase-functions)['"/]|\bMutation\s*:\s*\{|\bmodule\.exports\s*=\s*(?:async\s+)?function\s{0,40}(?:\w{1,60}\s{0,40})?\(\s*req\s*,\s*res\b`,
    String.raw`(?:\bfrom|\brequire\()\s*['"](?:(?:npm|jsr):)?(?:astro:middleware|@?fresh(?:/core)?|@oak/oak|oak|\$fresh)['"/@]`,
    String.raw`\bhandleUpgrade\b|\bverifyAccessToken\b|^\s*['"]use server['"]|\bexport\s+(?:(?:async\s+)?function|const)\s+action\b`,
    String.raw`(?:\bfrom|\brequire\()\s*['"](?:(?:npm|jsr):)?(?:@[\w.-]+\/)?(?:[\w.]+-)*mcp(?:-[\w.]+)*['"/@]`,
    // A function that is given a request and something to answer it with.
    String.raw`\(\s*_?req(?:uest)?\b[^()\n]{0,80},\s*_?res(?:ponse)?\b[^()\n]{0,80}\)\s*(?::[^={}\n]{0,80})?(?:=>|\{)`,
    String.raw`\(\s{0,40}_?err(?:or)?\b[^()\n]{0,80},\s{0,40}_?req(?:uest)?\b[^()\n]{0,80},\s{0,40}_?res(?:ponse)?\b`,
    String.raw`\bexport\s+default\s+(?:async\s+)?(?:function\b[^(\n]{0,60})?\(\s*_?req(?:uest)?\b`,
    String.raw`\bfetch\s*\(\s*_?req(?:uest)?\b|\bexport\s+(?:(?:async\s+)?function|const)\s+(?:GET|POST|PUT|PATCH|DELETE|ALL)\b|\bexport\s{0,40}(?:const\s{0,40})?\{[^{}]{0,400}\b(?:GET|POST)\b|\bNestFactory\b|\b(?:define(?:Event)?|event)Handler\b`,
    String.raw`\bexports?\b[^\n=]{0,120}[hH]andler\b[^\n=]{0,120}=|\bexport\s{1,20}(?:async\s{1,20})?function\s{1,20}\w*[hH]andler\b|\bAPIGateway\w*Event|\bonRequest\s*\(|['"]@(?:azure/functions|google-cloud/functions-framework)['"]|\bevent\s*\.\s*(?:requestContext|httpMethod|rawPath|queryStringParameters|multiValueHeaders)\b`,
  ].join('|'),
)

const EACH = new RegExp(SERVING, 'g')
/** A file that says so often that it serves is not asked how it says it. */
const MOST_SIGNS = 40

/** Modules that may serve, and all that import them, in the order of the tree. The rest runs only where one of these imports it. */
export function servingModules(machine: Machine): readonly Module[] {
  const importers = new Map<string, string[]>()
  for (const module of machine.modules.values()) {
    for (const path of importsOf(module.file, machine.resolve))
      importers.set(path, [...(importers.get(path) ?? []), module.file.path])
  }
  for (const path of importers.keys()) machine.imported.add(path)
  const serving = new Set<string>()
  const pending = [...machine.modules.values()].filter((module) => mayServe(module)).map((module) => module.file.path)
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (serving.has(path)) continue
    serving.add(path)
    pending.push(...(importers.get(path) ?? []))
  }
  return [...machine.modules.values()].filter((module) => serving.has(module.file.path))
}

/** What only texts say, be it a template of code to be written or a table of names, nobody runs. */
function mayServe(module: Module): boolean {
  if (isPageHook(module.file)) return true
  let count = 0
  for (const { 0: sign, index } of module.file.text.matchAll(EACH)) {
    count += 1
    if (count > MOST_SIGNS || isCode(module, index, sign)) return true
  }
  return false
}

function isCode(module: Module, at: number, sign: string): boolean {
  const { path, text } = module.file
  if (isPlainlyCode(text, at) && !NAMED_BY_TEXT.test(text.slice(at + sign.length, at + sign.length + 20))) return true
  const place = innermost(module.program, at)
  if (isText(place.node)) return place.node.start >= at
  if (isNameInTable(place) && /^\w+$/.test(sign)) return false
  // JavaScript says its types in comments.
  return place.node.type === 'Identifier' || !/\.[cm]?tsx?$/.test(path) || !isComment(text, at)
}

/** `McpServer: 'Server'` */
const NAMED_BY_TEXT = /^\s{0,9}:\s{0,9}['"`]/

/** No text and no comment has begun before it that could hold it. */
function isPlainlyCode(text: string, at: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', at) + 1, at)
  return !/['"/]|^\s*\*/.test(line) && !text.slice(0, at).includes('`') && text.lastIndexOf('/*', at) === -1
}

function isComment(text: string, at: number): boolean {
  return /\/\/|\/\*|^\s*\*/.test(text.slice(text.lastIndexOf('\n', at) + 1, at))
}

interface Place {
  readonly node: Node
  readonly parent: Node | undefined
}

function innermost(root: Node, at: number): Place {
  let place: Place = { node: root, parent: undefined }
  for (let next: Node | undefined = root; next !== undefined;) {
    next = children(place.node).find(({ start, end }) => start <= at && at < end)
    if (next !== undefined) place = { node: next, parent: place.node }
  }
  return place
}

function isText({ type, value }: Node): boolean {
  return type === 'TemplateElement' || type === 'JSXText' || (type === 'Literal' && typeof value === 'string')
}

/** `{ McpServer: 'Server' }`: what a name is to be written as, or where it comes from. */
function isNameInTable({ node, parent }: Place): boolean {
  return parent?.type === 'Property' && parent['key'] === node && isText(parent['value'])
}
