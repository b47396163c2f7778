/** A server with one weakness in one place, and audits of it. */
import { audit, type AuditOptions } from '../../src/audit.ts'
import type { Report } from '../../src/finding/finding.ts'
import { memoryHost } from '../source/memory-host.ts'

/** Every listener here is a finding of `plaintext-transport`. */
export const weak = `import express from 'express'
import { verify } from 'jsonwebtoken'
const app = express()
app.get('/', (req, res) => res.json(verify(String(req.headers.authorization), process.env.KEY, { audience: 'notes' })))
app.listen(3000, '0.0.0.0')
`

export const weakness = 'plaintext-transport'

/** Audits files in memory on a fixed day. */
export function auditFiles(files: Readonly<Record<string, string>>, options: AuditOptions = {}): Promise<Report> {
  const placed = Object.fromEntries(Object.entries(files).map(([path, text]) => [`/app/${path}`, text]))
  return audit('/app', { host: memoryHost(placed), today: '2026-11-26', ...options })
}

/** `path:line` of every finding of the weakness. */
export function places(report: Report): readonly string[] {
  return placesOf(report.findings)
}

export function suppressedPlaces(report: Report): readonly string[] {
  return placesOf(report.suppressed)
}

function placesOf(findings: Report['findings']): readonly string[] {
  return findings
    .filter(({ rule }) => rule === weakness)
    .map(({ location }) => `${location?.path}:${location?.startLine}`)
}
