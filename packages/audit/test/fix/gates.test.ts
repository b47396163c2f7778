/** Checks of every request: where they stand, in the shapes in which servers make their apps. */
import { describe, expect, test } from 'vitest'
import { mendedBy } from './mended.ts'

const SDK = `import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
`
const ROUTE = `app.post('/mcp', async (req, res) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() });
      await new McpServer({ name: 'a', version: '1' }).connect(transport);
      await transport.handleRequest(req, res);
    });`
const FIELD = `${SDK}
export class HttpServer {
  private app = express();

  constructor(private readonly port: number) {
    this.${ROUTE}
  }

  start() {
    this.app.listen(this.port);
  }
}
new HttpServer(3000).start();
`
const MADE = `${SDK}
function createApp() {
  const app = express();
    ${ROUTE}
  return app;
}

function start(server: express.Express) {
  server.listen(3000);
}
start(createApp());
`
const TLS = (app: string, indent: string) => `
${indent}// TLS ends at the proxy in front, which says so; what comes without it is refused.
${indent}${app}.use((req, res, next) => {
${indent}  if (req.headers['x-forwarded-proto'] !== 'https') res.status(426).set('Upgrade', 'TLS/1.2').end();
${indent}  else next();
${indent}});
`

describe('a check of every request stands', () => {
  test('before all that the constructor does, where the app is a field', async () => {
    const { text, left } = await mendedBy('plaintext-transport', { '/app/server.ts': FIELD })
    expect(left).toBe(0)
    expect(text).toContain(`constructor(private readonly port: number) {${TLS('this.app', '    ')}    this.app.post`)
  })

  test('in a constructor of its own, where the class has none', async () => {
    const own = FIELD.replace('constructor(private readonly port: number) {', 'serve() {').replace('this.port', '3000')
    const text = own.replace('new HttpServer(3000).start();', 'const s = new HttpServer();\ns.serve();\ns.start();')
    const mended = await mendedBy('plaintext-transport', { '/app/server.ts': text })
    expect(mended.left).toBe(0)
    expect(mended.text).toContain(`private app = express();

  constructor() {${TLS('this.app', '    ')}  }

  serve() {`)
  })

  test('after what the class that is extended has made', async () => {
    const own = FIELD.replace('class HttpServer', 'class HttpServer extends Base').replace(
      'readonly port: number) {',
      'readonly port: number) {\n    super();',
    )
    const { text, left } = await mendedBy('plaintext-transport', {
      '/app/server.ts': own.replace('export class', 'class Base {}\nexport class'),
    })
    expect(left).toBe(0)
    expect(text).toContain(`    super();${TLS('this.app', '    ')}    this.app.post`)
  })

  test('where the app is made, however far that is from where it listens', async () => {
    const { text, left } = await mendedBy('plaintext-transport', { '/app/server.ts': MADE })
    expect(left).toBe(0)
    expect(text).toContain(`  const app = express();${TLS('app', '  ')}    app.post`)
  })

  test('for one server, though another of the tree is of a shape that nobody knows', async () => {
    const { texts, left } = await mendedBy('plaintext-transport', {
      '/app/one.ts': FIELD,
      '/app/other.ts': MADE.replace('const app = express()', 'const { app } = { app: express() }'),
    })
    expect(left).toBe(1)
    expect(Object.keys(texts)).toEqual(['one.ts'])
  })

  test('with its setting in the constructor too', async () => {
    const { text, left } = await mendedBy('missing-origin-check', { '/app/server.ts': FIELD })
    expect(left).toBe(0)
    expect(text).toContain(`constructor(private readonly port: number) {
    const allowedOrigins = (process.env.ALLOWED_ORIGINS ?? '').split(',');
    // Browsers say which page a request comes from; other clients send no Origin.
    this.app.use((req, res, next) => {`)
  })

  test('in what NestJS starts, for whatever platform it has', async () => {
    const { texts, left } = await mendedBy('plaintext-transport', {
      '/app/package.json': '{ "name": "a", "dependencies": { "@nestjs/core": "11.0.0" } }',
      '/app/src/main.ts': `import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module';

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  await app.listen(3000);
}
bootstrap();
`,
      '/app/src/app.module.ts': `import { Module } from '@nestjs/common';
import { McpController } from './mcp.controller';
@Module({ controllers: [McpController] })
export class AppModule {}
`,
      '/app/src/mcp.controller.ts': `import { randomUUID } from 'node:crypto';
import { All, Controller, Req, Res } from '@nestjs/common';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
@Controller('mcp')
export class McpController {
  @All()
  async serve(@Req() req: any, @Res() res: any) {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() });
    await new McpServer({ name: 'a', version: '1' }).connect(transport);
    await transport.handleRequest(req, res);
  }
}
`,
    })
    expect(left).toBe(0)
    expect(texts['src/main.ts']).toContain(`import { IncomingMessage, ServerResponse } from 'node:http';`)
    expect(texts['src/main.ts']).toContain(`  const app = await NestFactory.create(AppModule);
  // TLS ends at the proxy in front, which says so; what comes without it is refused.
  app.use((req: IncomingMessage, res: ServerResponse, next: () => void) => {
    if (req.headers['x-forwarded-proto'] !== 'https') res.writeHead(426, { Upgrade: 'TLS/1.2' }).end();
    else next();
  });`)
  })
})
