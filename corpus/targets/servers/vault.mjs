// The server of a plug-in, without the editor that it is a plug-in of: an empty vault stands for it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const editor = join(import.meta.dirname, 'node_modules/obsidian')
mkdirSync(editor, { recursive: true })
writeFileSync(join(editor, 'package.json'), '{"name":"obsidian","main":"index.js"}')
const classes = ['App', 'Plugin', 'Notice', 'Modal', 'TAbstractFile', 'TFile', 'TFolder', 'FileSystemAdapter']
writeFileSync(
  join(editor, 'index.js'),
  [
    ...classes.map((name) => `exports.${name} = class ${name} {}`),
    'exports.getAllTags = () => []',
    'exports.normalizePath = (path) => path',
  ].join('\n'),
)

const nothing = { on: () => ({}), off: () => {}, offref: () => {} }
const vault = {
  ...nothing,
  getName: () => 'notes',
  adapter: { basePath: import.meta.dirname, exists: async () => false, read: async () => '' },
  getMarkdownFiles: () => [],
  getAllLoadedFiles: () => [],
  getFiles: () => [],
  getAbstractFileByPath: () => null,
  getRoot: () => ({ children: [], path: '/' }),
  configDir: '.settings',
}
const app = {
  vault,
  workspace: { ...nothing, getActiveFile: () => null, getLeavesOfType: () => [] },
  metadataCache: { ...nothing, getFileCache: () => null, resolvedLinks: {}, unresolvedLinks: {} },
  plugins: { plugins: {}, enabledPlugins: new Set() },
}
const settings = {
  httpEnabled: true,
  enableConcurrentSessions: process.env.CONCURRENT === '1',
  maxConcurrentConnections: 200,
  dangerouslyDisableAuth: true,
}

const { MCPHttpServer } = await import('./src/mcp-server.ts')
await new MCPHttpServer(app, Number(process.env.TARGET_PORT), { settings, app, manifest: { dir: '.' } }).start()
