/** Places in SARIF's words. */
import type { ArtifactLocation, Location as SarifLocation, PhysicalLocation } from 'sarif'
import type { Location } from '../../finding/finding.ts'

/** The audited root. Where it lies is for the reader to say: a log names no folder of the machine it came from. */
export const SOURCE_ROOT = '%SRCROOT%'

export function sarifLocation(location: Location, text?: string): SarifLocation {
  return {
    physicalLocation: physicalLocation(location),
    ...(text !== undefined && { message: { text: plainMessage(text) } }),
  }
}

export function artifactAt(path: string): ArtifactLocation {
  return { uri: uriOf(path), uriBaseId: SOURCE_ROOT }
}

/** SARIF turns `[text](target)` within a message into a link; what comes from source must not become one. */
export function plainMessage(text: string): string {
  return text.replaceAll('](', '] (')
}

function physicalLocation({ path, startLine, startColumn, endLine, endColumn }: Location): PhysicalLocation {
  return { artifactLocation: artifactAt(path), region: { startLine, startColumn, endLine, endColumn } }
}

/** A relative URI reference; a surrogate that stands alone has no encoding and becomes U+FFFD. */
function uriOf(path: string): string {
  return path
    .replace(/\p{Cs}/gu, '\ufffd')
    .split('/')
    .map(encodeURIComponent)
    .join('/')
}
