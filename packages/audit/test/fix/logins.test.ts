/** Where a login gives the session a new ID, and who hears of it if that fails. */
import { expect, test } from 'vitest'
import { mendedBy } from './mended.ts'

const PROGRAM = `import express from 'express';
import session from 'express-session';
import { userOf } from './users.js';

const app = express();
app.use(session({ secret: process.env.SECRET, resave: false, saveUninitialized: true }));
app.post('/login', async (req, res, next) => {
  const user = await userOf(req.body);
  if (!user) return res.sendStatus(401);
  req.session.user = user;
  res.json({ user });
});
app.get('/me', (req, res) => res.json(req.session.user));
app.listen(3000);
`
const mended = (text: string, express?: string) =>
  mendedBy('session-fixation', {
    '/app/server.js': text,
    '/app/package.json': JSON.stringify({ dependencies: express === undefined ? {} : { express } }),
  })

const RESOLVED = `  const error = await new Promise((resolve) => {
    req.session.regenerate(resolve);
  });
  if (error) return `

test.each([
  ['Express 4 hears of a failure by `next`', '4.21.2', PROGRAM, `${RESOLVED}next(error);\n  req.session.user = user;`],
  ['so does an Express of unknown version', undefined, PROGRAM, `${RESOLVED}next(error);\n`],
  [
    'without `next` the handler answers',
    '^4.0.0',
    PROGRAM.replace(', next)', ')'),
    `${RESOLVED}void res.status(500).end();\n`,
  ],
  [
    'Express 5 catches what an async handler throws',
    '5.1.0',
    PROGRAM,
    `  await new Promise((resolve, reject) => {
    req.session.regenerate((error) => (error ? reject(error) : resolve()));
  });
  req.session.user = user;`,
  ],
  [
    'a handler may catch by itself',
    '4.21.2',
    PROGRAM.replace(
      '  req.session.user = user;\n',
      '  try {\n    req.session.user = user;\n  } catch (e) {\n    return next(e);\n  }\n',
    ),
    '      req.session.regenerate((error) => (error ? reject(error) : resolve()));',
  ],
])('%s', async (_, version, program, expected) => {
  const { text, left } = await mended(program, version)
  expect(left).toBe(0)
  expect(text).toContain(expected)
})

test('a function that is no handler has nothing to answer with, and throws', async () => {
  const program = PROGRAM.replace(
    ', next) => {\n',
    ') => {\n  await enter(req, await userOf(req.body));\n  res.end();\n});\nasync function enter(req, user) {\n',
  )
    .replace('  const user = await userOf(req.body);\n  if (!user) return res.sendStatus(401);\n', '')
    .replace('  res.json({ user });\n});', '}')
  const { text, left } = await mended(program, '4.21.2')
  expect(left).toBe(0)
  expect(text).toContain('(error ? reject(error) : resolve())')
})
