/** As much of the order of versions as a fix needs. */

/** Whether a plain version is a limit or above it. */
export function isAtLeast(version: string, limit: string): boolean {
  return version.localeCompare(limit, 'en', { numeric: true }) >= 0
}
