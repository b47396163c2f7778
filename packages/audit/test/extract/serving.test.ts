import { describe, expect, test } from 'vitest'
import { extract } from '../../src/extract/extract.ts'
import { Machine } from '../../src/extract/machine.ts'
import { createModule } from '../../src/extract/modules.ts'
import { parse } from '../../src/extract/parse.ts'
import { createResolver } from '../../src/extract/resolve.ts'
import { servingModules } from '../../src/extract/serving.ts'
import { treeOf } from '../source/trees.ts'

/** The files that start-up is followed in. */
function startedIn(files: Readonly<Record<string, string>>): readonly string[] {
  const tree = treeOf(files)
  const machine = new Machine(tree, createResolver(tree))
  for (const file of tree.files) machine.modules.set(file.path, createModule(machine, file, parse(file).tree!))
  return servingModules(machine).map(({ file }) => file.path)
}

describe('a file whose code says that it serves is followed', () => {
  test.each<[string, string, string]>([
    ['with what it imports', 'a.ts', "import { McpServer } from 'sdk'"],
    ['after a text on the same line', 'a.ts', "log('http://localhost', new McpServer(options))"],
    ['after a template', 'a.ts', 'const name = `a`\nconst server = new McpServer({ name })'],
    ['within a template', 'a.ts', 'log(`at ${createServer(answer).address()}`)'],
    ['after a glob that looks like a comment', 'a.ts', "const files = 'src/*'\nnew McpServer({ files })"],
    ['as a value of a table', 'a.ts', "const makers = { 'a': 1, McpServer: sdk.McpServer }"],
    ['taken apart', 'a.ts', "const { McpServer } = load('sdk')"],
    ['under another name', 'a.ts', "const { McpServer: Made } = load('sdk')"],
    ['as a type', 'a.ts', "type A = 'a'; function add(name: 'x', server: McpServer) {}"],
    ['as a type of JavaScript', 'a.js', '/** @param {McpServer} server */\nexport function add(server) {}'],
    ['with a directive', 'a.ts', "'use server'\nexport async function add() {}"],
    ['with a method of its own', 'a.ts', "const o = { name: 'a', verifyAccessToken: verify }"],
    ['with what it requires', 'a.ts', "const app = [`a`, require('express')]"],
  ])('%s', (_, path, text) => {
    expect(startedIn({ [path]: text })).toEqual([path])
  })

  test('and so is what imports it', () => {
    const files = { 'a.ts': "import './b'", 'b.ts': "import { McpServer } from 'sdk'", 'c.ts': 'run()' }
    expect(startedIn(files)).toEqual(['a.ts', 'b.ts'])
  })
})

test.each<[string, string]>([
  ['names of a text', "rename('McpServer', 'Server')"],
  ['the path of an import in a text', 'const moved = ["from \'express\'"]'],
  ['code that is written elsewhere', 'write(`import { McpServer } from "sdk"\nnew McpServer({})`)'],
  ['code in a template around a name', 'write(`const server = createServer(${name}, (req, res) => {})`)'],
  ['a table of names', "const renamed = { McpServer: 'Server', WebSocketServer: 'ws' }"],
  ['a comment of TypeScript', "const a = 'a' // unlike McpServer\n/*\n * McpServer\n */"],
])('%s alone starts nothing', (_, text) => {
  expect(startedIn({ 'a.ts': text, 'b.ts': "import './a'" })).toEqual([])
})

/** The packages of a client and its checkout, with code that uses it. */
function checkout(imports: string): Readonly<Record<string, string>> {
  return {
    'packages/client/package.json': '{ "name": "@modelcontextprotocol/client", "exports": "./src/index.ts" }',
    'packages/client/src/index.ts': `export class Client {
      async connect(transport) { setInterval(() => this.connect(transport), 1) }
    }`,
    'server.ts': `import { createServer } from 'node:http'
    ${imports}
    const client = new Client()
    await client.connect({})
    createServer((req, res) => res.end()).listen(1, '127.0.0.1')`,
  }
}

test.each<[string, string]>([
  ['a named import', "import { Client } from '@modelcontextprotocol/client'"],
  ['a namespace', "import * as sdk from '@modelcontextprotocol/client'\nconst { Client } = sdk"],
  ['an import at run time', "const { Client } = await import('@modelcontextprotocol/client')"],
  ['require', "const { Client } = require('@modelcontextprotocol/client')"],
])('in the checkout of the SDK, %s gives the library that is known, whose sources are not walked', (_, imports) => {
  const reached: string[] = []
  const original = Machine.prototype.markReached
  Machine.prototype.markReached = function (this: Machine, fn) {
    reached.push(fn.site.path)
    original.call(this, fn)
  }
  try {
    extract(treeOf(checkout(imports)))
  } finally {
    Machine.prototype.markReached = original
  }
  expect(reached).not.toContain('packages/client/src/index.ts')
})
