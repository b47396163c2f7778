/** Handlers that a framework calls which nothing in the tree shows: read by what they are given, whatever it is called. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf, type Program } from './programs.ts'

const CHECK = "if (key !== process.env.WEBHOOK_SECRET) throw new Error('unauthorized')"

describe('a secret that a handler is offered', () => {
  it.each<[string, string]>([
    [
      'in a context that is taken apart',
      `import type { HttpContext } from '@adonisjs/core/http'
      export default class Hooks { async run({ request }: HttpContext) { const key = request.header('x-api-key')\n${CHECK} } }`,
    ],
    [
      'in the context of a hook',
      `export const run = async (context) => { const key = context.params.headers['x-api-key']\n${CHECK}\nreturn context }`,
    ],
    [
      'in the context of a resolver',
      `export const resolvers = { Mutation: { run: async (_parent, args, context) => { const { req } = context\nconst key = req.headers['x-api-key']\n${CHECK} } } }`,
    ],
    [
      'where contexts are made',
      `export async function createContext({ req, res }) { const key = req.headers['x-api-key']\n${CHECK}\nreturn { req, res } }`,
    ],
    [
      'in the event of a hook of SvelteKit',
      `export const handle = async ({ event, resolve }) => { const key = event.request.headers.get('x-api-key')\n${CHECK}\nreturn resolve(event) }`,
    ],
    [
      'by what stands before handlers and is made by a function',
      `export function guard(options) { return async (req, res, next) => { const key = req.headers['x-api-key']\n${CHECK}\nnext() } }`,
    ],
    [
      'in an action of a service',
      `export default { name: 'hooks', actions: { run: { async handler(ctx) { const key = ctx.meta.headers['x-api-key']\n${CHECK} } } } }`,
    ],
    [
      'by the name of its header',
      `export default { async run(ctx, next) { const key = ctx.get('x-api-key')\n${CHECK}\nawait next() } }`,
    ],
    [
      'on an app that a configuration is asked to extend',
      `import { config } from '@keystone-6/core'
      export default config({ server: { extendExpressApp: (app, context) => { app.post('/hook', (req, res) => { const key = req.headers['x-api-key']\n${CHECK}\nres.end() }) } } })`,
    ],
  ])('%s', (_, program) => {
    expect(findingsOf('timing-unsafe-comparison', program)).toHaveLength(1)
  })
})

const LOGIN = `
  const user = await prisma.user.findUnique({ where: { email: body.email } })
  if (!user || !(await compare(body.password, user.passwordHash))) throw new Error('bad');
  const sid = crypto.randomUUID()
  await prisma.session.create({ data: { id: sid, userId: user.id, expiresAt } });`

/** A login and a logout, each in a file of its own. */
const both = (folder: string, login: string, logout: string): Program => ({
  [`${folder}/login.ts`]: login,
  [`${folder}/logout.ts`]: logout,
})

describe('a logout that takes back the cookie of a session alone', () => {
  it.each<[string, Program]>([
    [
      'of AdonisJS',
      {
        'auth_controller.ts': `
          import type { HttpContext } from '@adonisjs/core/http'
          export default class AuthController {
            async login({ request, response }: HttpContext) { const body = request.all()\n${LOGIN}\nresponse.cookie('sid', sid) }
            async logout({ response }: HttpContext) { response.clearCookie('sid') }
          }`,
      },
    ],
    [
      'of Strapi',
      both(
        'src/api/auth/controllers',
        `import { factories } from '@strapi/strapi'\nexport default { async login(ctx) { const body = ctx.request.body\n${LOGIN}\nctx.cookies.set('sid', sid) } }`,
        "import { factories } from '@strapi/strapi'\nexport default { async logout(ctx) { ctx.cookies.set('sid', null)\nctx.body = { ok: true } } }",
      ),
    ],
    [
      'of Medusa',
      both(
        'src/api/auth',
        `import type { MedusaRequest } from '@medusajs/framework/http'\nexport const POST = async (req: MedusaRequest, res) => { const body = req.body\n${LOGIN}\nres.cookie('sid', sid) }`,
        "import type { MedusaRequest } from '@medusajs/framework/http'\nexport const POST = async (req: MedusaRequest, res) => { res.clearCookie('sid')\nres.json({ ok: true }) }",
      ),
    ],
    [
      'in headers that are put together',
      both(
        'app/routes',
        `import { redirect } from '@remix-run/node'\nexport async function action({ request }) { const body = await request.json()\n${LOGIN}\nconst headers = new Headers()\nheaders.append('Set-Cookie', \`sid=\${sid}; HttpOnly\`)\nreturn redirect('/', { headers }) }`,
        "import { redirect } from '@remix-run/node'\nexport async function action({ request }) { const headers = new Headers()\nheaders.append('Set-Cookie', 'sid=; Max-Age=0')\nreturn redirect('/', { headers }) }",
      ),
    ],
    [
      'of a function in the cloud, by its name',
      {
        'index.ts': `
          import { onRequest } from 'firebase-functions/v2/https'
          export const login = onRequest(async (req, res) => { const body = req.body\n${LOGIN}\nres.cookie('sid', sid).end() })
          export const logout = onRequest(async (req, res) => { res.clearCookie('sid').end() })`,
      },
    ],
    [
      'of Nitro',
      both(
        'server/api',
        `export default defineEventHandler(async (event) => { const body = await readBody(event)\n${LOGIN}\nsetCookie(event, 'sid', sid) })`,
        "export default defineEventHandler(async (event) => { deleteCookie(event, 'sid')\nreturn { ok: true } })",
      ),
    ],
  ])('%s', (_, program) => {
    expect(outcomeOf('missing-session-invalidation', program)).toBe('fail')
  })

  it('is none where the row goes as well', () => {
    const program = both(
      'src/api/auth/controllers',
      `import { factories } from '@strapi/strapi'\nexport default { async login(ctx) { const body = ctx.request.body\n${LOGIN}\nctx.cookies.set('sid', sid) } }`,
      "import { factories } from '@strapi/strapi'\nexport default { async logout(ctx) { await prisma.session.delete({ where: { id: ctx.cookies.get('sid') } })\nctx.cookies.set('sid', null)\nctx.body = { ok: true } } }",
    )
    expect(outcomeOf('missing-session-invalidation', program)).not.toBe('fail')
  })
})

describe('a login that goes on under the ID that a cookie brings', () => {
  it.each<[string, Program]>([
    [
      'read from its header',
      `import { parse } from 'cookie'
      export default { async fetch(request) {
        const body = await request.json()
        ${LOGIN.replace('= crypto', "= parse(request.headers.get('cookie') ?? '').sid ?? crypto")}
        return new Response('', { headers: { 'Set-Cookie': \`sid=\${sid}; HttpOnly\` } })
      } }`,
    ],
    [
      'in a procedure',
      `import { initTRPC } from '@trpc/server'
      const t = initTRPC.create()
      export const router = t.router({ login: t.procedure.mutation(async ({ ctx, input: body }) => {
        ${LOGIN.replace('= crypto', '= ctx.req.cookies.sid ?? crypto')}
        ctx.res.cookie('sid', sid)
      }) })`,
    ],
  ])('%s', (_, program) => {
    expect(
      findingsOf('session-fixation', program).length + findingsOf('client-supplied-session-id', program).length,
    ).toBeGreaterThan(0)
  })
})
