import { randomUUID } from 'node:crypto'

interface Job {
  readonly owner: string
  readonly result: string
  readonly endsAt: number
}

const TTL_MS = 15 * 60_000

export class JobStore {
  readonly #jobs = new Map<string, Job>()

  start(owner: string, text: string): string {
    const id = `job_${randomUUID()}`
    this.#jobs.set(id, { owner, result: text.toUpperCase(), endsAt: Date.now() + TTL_MS })
    return id
  }

  resultOf(id: string, owner: string): string | undefined {
    const job = this.#jobs.get(id)
    if (job === undefined || job.owner !== owner || job.endsAt < Date.now()) return undefined
    return job.result
  }
}
