/** Who is known by a cookie that a login hands out is played by logging in, and goes on being logged in. */
import { describe, expect, it } from 'vitest'
import type { Report } from '../../../src/finding/finding.ts'
import { probe } from '../../../src/probe.ts'
import { rules } from '../../../src/rules/index.ts'
import { parseProbeConfig } from '../../../src/wire/config.ts'
import { type Options, passwords, startLogins } from './logins.ts'

const loginOf = (user: keyof typeof passwords, password: string = passwords[user]) => ({
  auth: { path: '/login', body: { user, password } },
})
const whole = {
  login: loginOf('alice'),
  logout: { method: 'POST', path: '/logout' },
  principals: { bob: { login: loginOf('bob') } },
}

async function probed(options: Options, ids: readonly string[], config: object = whole): Promise<Report> {
  const target = await startLogins(options)
  try {
    return await probe(
      target.url,
      {
        config: parseProbeConfig(
          JSON.stringify({ budget: { requests: 2_000, seconds: 600 }, ...config }),
          'probe.yaml',
        ),
      },
      rules.filter(({ rule }) => ids.includes(rule.id)),
    )
  } finally {
    await target.close()
  }
}

function outcomes({ assessments }: Pick<Report, 'assessments'>): Readonly<Record<string, string>> {
  return Object.fromEntries(assessments.map(({ rule, outcome }) => [rule, outcome]))
}

describe('a server behind a login', () => {
  it('withstands what it should, Alice being logged in all the time', async () => {
    const ids = ['session-fixation', 'missing-session-invalidation', 'unbound-session', 'session-as-authentication']
    expect(outcomes(await probed({}, ids))).toEqual(Object.fromEntries(ids.map((id) => [id, 'pass'])))
  })

  it.each<[string, Options, string]>([
    ['keeps the session from before the login', { keepsAtLogin: true }, 'session-fixation'],
    ['keeps the session after the logout', { keepsAtLogout: true }, 'missing-session-invalidation'],
    [
      'keeps the session after a logout that leads elsewhere',
      { keepsAtLogout: true, logoutStatus: 302 },
      'missing-session-invalidation',
    ],
    ['serves Bob in the session of Alice', { unbound: true }, 'unbound-session'],
  ])('fails where it %s', async (_name, options, id) => {
    expect(outcomes(await probed(options, [id]))).toEqual({ [id]: 'fail' })
  })

  it('may have sessions that end by the logout alone', async () => {
    const id = 'missing-session-invalidation'
    expect(outcomes(await probed({ noDelete: true, logoutStatus: 303 }, [id]))).toEqual({ [id]: 'pass' })
  })

  it('that adopts IDs fails, though it hands out one before the login', async () => {
    expect(outcomes(await probed({ adopts: true }, ['session-fixation']))).toEqual({ 'session-fixation': 'fail' })
  })
})

describe('who is not let in', () => {
  const unbound = ['unbound-session']

  it('is refused by name where his login fails', async () => {
    const config = { ...whole, principals: { bob: { login: loginOf('bob', 'wrong-password') } } }
    await expect(probed({}, unbound, config)).rejects.toThrow('The login of bob was refused with 401.')
  })

  it('shows nothing with a credential that the server refuses', async () => {
    const report = await probedBeside({ headers: { cookie: 'sid=nobody-knows-this' } }, unbound)
    expect(report.assessments[0]).toMatchObject({ outcome: 'open', reasons: [expect.stringContaining('refused bob')] })
  })

  it('is another client of hers with what she presents, whose sessions nothing keeps apart', async () => {
    const { assessments, findings } = await probedBeside({}, [...unbound, 'event-replay-across-sessions'])
    expect(outcomes({ assessments })).toMatchObject({ 'unbound-session': 'fail' })
    expect(outcomes({ assessments })).not.toMatchObject({ 'event-replay-across-sessions': 'fail' })
    expect(findings[0]?.what).toContain('bob, with the credential that Alice shares, presents')
  })
})

/** Alice by a cookie that she has, Bob by the same or `own`. */
async function probedBeside(own: object, ids: readonly string[]): Promise<Report> {
  const target = await startLogins()
  const alice = { headers: { cookie: await cookieFrom(target.url) } }
  const config = parseProbeConfig(JSON.stringify({ principals: { alice, bob: { ...alice, ...own } } }), 'probe.yaml')
  const asked = rules.filter(({ rule }) => ids.includes(rule.id))
  return probe(target.url, { config }, asked).finally(() => target.close())
}

async function cookieFrom(url: string): Promise<string> {
  const body = JSON.stringify({ user: 'alice', password: passwords.alice })
  const response = await fetch(new URL('/login', url), { method: 'POST', body })
  return response.headers.get('set-cookie')?.split(';')[0] ?? ''
}
