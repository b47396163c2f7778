import { describe, expect, test } from 'vitest'
import { gapsOf } from './programs.ts'

const server = `import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
const server = new McpServer({ name: '\${name}', version: '1' })
`

function reasons(text: string): readonly string[] {
  return gapsOf({ 'create.ts': text }).map(({ reason, location }) => `${location?.startLine}: ${reason.split(';')[0]}`)
}

describe('a template that holds the source of a server', () => {
  test.each<[string, string]>([
    ['as the text of a file', `export const files = (name: string) => ({ 'server.ts': \`${server}\` })`],
    ['within another function', `function write(name: string) {\n  return [\`${server}\`].join('')\n}`],
    ['under a tag', `const code = dedent\`${server}\``],
  ])('%s is named as a gap', (_, text) => {
    expect(reasons(text)).toEqual([expect.stringMatching(/^[12]: This template is the source of a server$/)])
  })

  test('decides nothing about the code around it', () => {
    expect(gapsOf({ 'create.ts': `const a = (name: string) => \`${server}\`` })[0]).not.toHaveProperty('rules')
  })
})

test.each<[string, string]>([
  ['a help text about servers', 'const help = `Run\nnew McpServer(options) and listen with app.listen(3000)`'],
  [
    'a server that uses templates',
    `${server.replaceAll('${', '').replaceAll('}', ' }')}\nconsole.log(\`it\nlistens\`)`,
  ],
  ['one line', "const a = `import x from 'express'; x().listen(1)`"],
])('%s is none', (_, text) => {
  expect(reasons(text).filter((reason) => reason.includes('template'))).toEqual([])
})
