/** What is known of versions with weak sessions. Dated: looked up last on 2026-11-23. */
import { isBelow } from '../../source/version.ts'

export interface Advisory {
  readonly package: string
  /** First version concerned; without it, all below. */
  readonly from?: string
  /** First version that is mended. */
  readonly below: string
  /** Published names; none where none was published. */
  readonly ids: readonly string[]
  /** What goes wrong, as the end of a sentence that begins with name and version. */
  readonly text: string
}

export const advisories: readonly Advisory[] = [
  {
    package: '@modelcontextprotocol/sdk',
    from: '1.10.0',
    below: '1.26.0',
    ids: ['CVE-2026-25536', 'GHSA-345p-7cg4-v4c7'],
    text: 'sends answers to the wrong client where one server or transport is connected twice',
  },
  {
    package: '@modelcontextprotocol/sdk',
    below: '1.24.0',
    ids: ['CVE-2025-66414', 'GHSA-w48q-cv73-mx4w'],
    text: 'leaves the protection against DNS rebinding off and has no helper for it',
  },
  {
    package: '@modelcontextprotocol/server',
    from: '2.0.0',
    below: '2.3.0',
    ids: [],
    text: 'sends answers to the wrong client where one server is connected twice (mended in 2.3.0 without an advisory)',
  },
  {
    package: 'mcp-handler',
    below: '1.1.0',
    ids: ['GHSA-w2fm-25vw-vh7f'],
    text: 'passes on that answers reach the wrong client',
  },
  {
    package: 'n8n-mcp',
    below: '2.47.6',
    ids: ['GHSA-75hx-xj24-mqrw'],
    text: 'names session IDs on its status page and lets anybody end them',
  },
  {
    package: 'n8n-mcp',
    below: '2.51.2',
    ids: ['CVE-2026-45707', 'GHSA-jxx9-px88-pj69'],
    text: 'falls back to the default tenant where a request names none',
  },
  {
    package: 'passport',
    below: '0.6.0',
    ids: ['CVE-2022-25896', 'GHSA-v923-w3x8-wh69'],
    text: 'keeps the session from before login, so that it can be fixed',
  },
]

export function concerns(advisory: Advisory, name: string, version: string): boolean {
  if (advisory.package !== name || !isBelow(version, advisory.below)) return false
  return advisory.from === undefined || !isBelow(version, advisory.from)
}
