/** What the Redis store needs of a client, and how ioredis and node-redis give it. */
import { createHash } from 'node:crypto'
import { MisuseError } from '../../errors.ts'

/** Runs a script that touches the keys under one base, by its digest where the server knows it. */
export interface ScriptRunner {
  run(script: Script, base: string, values: readonly string[]): Promise<unknown>
  /** The section `memory` of INFO; empty where the server may not be asked. */
  memoryInfo(): Promise<string>
  close(): Promise<void>
}

export interface Script {
  readonly source: string
  readonly digest: string
}

export function script(source: string): Script {
  // How Redis names scripts; nothing rests on it.
  return { source, digest: createHash('sha1').update(source).digest('hex') }
}

/** ioredis, iovalkey, and their clusters. */
export interface IoRedisLike {
  readonly options: { readonly enableOfflineQueue?: boolean | undefined }
  evalsha(digest: string, keyCount: number, ...values: string[]): Promise<unknown>
  eval(source: string, keyCount: number, ...values: string[]): Promise<unknown>
  info(section: string): Promise<string>
  quit(): Promise<unknown>
}

/** node-redis and its clusters. */
export interface NodeRedisLike {
  readonly options?: { readonly disableOfflineQueue?: boolean | undefined } | undefined
  evalSha(digest: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(source: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  info?(section?: string): Promise<string>
  withCommandOptions?(options: { timeout?: number | undefined }): unknown
  close(): Promise<unknown> | unknown
}

export type RedisClient = IoRedisLike | NodeRedisLike

/**
 * A runner on either client.
 *
 * @throws MisuseError where the client queues commands while it is offline: they would be run when nobody waits for
 * them any more, and pile up meanwhile
 */
export function runnerOn(client: RedisClient): ScriptRunner {
  return 'evalSha' in client ? runnerOnNodeRedis(client) : runnerOnIoRedis(client)
}

function runnerOnIoRedis(client: IoRedisLike): ScriptRunner {
  if (client.options.enableOfflineQueue !== false)
    throw new MisuseError('make the ioredis client with enableOfflineQueue: false')
  return {
    run: (wanted, base, values) =>
      byDigest(
        () => client.evalsha(wanted.digest, 1, base, ...values),
        () => client.eval(wanted.source, 1, base, ...values),
      ),
    memoryInfo: () => orEmpty(() => client.info('memory')),
    close: async () => void (await client.quit()),
  }
}

function runnerOnNodeRedis(client: NodeRedisLike): ScriptRunner {
  if (client.options?.disableOfflineQueue !== true)
    throw new MisuseError('make the redis client with disableOfflineQueue: true')
  // The client's own timeout makes an abort signal for each command, which costs more than the command; the layer above
  // has one deadline for all.
  const untimed = (client.withCommandOptions?.({ timeout: undefined }) ?? client) as NodeRedisLike
  const withKeys = (base: string, values: readonly string[]) => ({ keys: [base], arguments: [...values] })
  return {
    run: (wanted, base, values) =>
      byDigest(
        () => untimed.evalSha(wanted.digest, withKeys(base, values)),
        () => untimed.eval(wanted.source, withKeys(base, values)),
      ),
    memoryInfo: () => orEmpty(async () => (await client.info?.('memory')) ?? ''),
    close: async () => void (await client.close()),
  }
}

/** A server that restarted has forgotten its scripts. */
async function byDigest(run: () => Promise<unknown>, send: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return send()
    throw error
  }
}

async function orEmpty(ask: () => Promise<string>): Promise<string> {
  try {
    return await ask()
  } catch {
    return ''
  }
}
