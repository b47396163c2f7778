/** What an app gives every cookie that does not say otherwise: it holds for that app and for those that are mounted on it. */
import type { CookieFlags } from '../events.ts'
import { type LibraryObject, type Site, siteKey } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { Mount } from './routing.ts'

const ANYWHERE = 'cookie-defaults'
const MOST_MOUNTS = 6

/** Of an app, or of one of its routes; without an app, of whatever nobody knows the app of. */
export function keepCookieDefaults(
  machine: Machine,
  flags: CookieFlags,
  { app, route, site }: { readonly app?: LibraryObject; readonly route?: Site; readonly site: Site },
): void {
  machine.readyMade.set(ANYWHERE, machine.library(ANYWHERE, site, { flags }))
  if (app !== undefined) known(app).set(route === undefined ? '' : keyOf(route), flags)
}

/** Those of the app that serves a request, which came by this route; where no app is known, those of any. */
export function cookieDefaults(machine: Machine, app: LibraryObject | undefined, route: Site): CookieFlags | undefined {
  if (app === undefined) return machine.readyMade.get(ANYWHERE)?.data['flags'] as CookieFlags | undefined
  return known(app).get(keyOf(route)) ?? ofApp(app, 0)
}

function ofApp(app: LibraryObject, depth: number): CookieFlags | undefined {
  const [mount] = (app.data['mounts'] ?? []) as readonly Mount[]
  return known(app).get('') ?? (mount === undefined || depth > MOST_MOUNTS ? undefined : ofApp(mount.app, depth + 1))
}

function known({ data }: LibraryObject): Map<string, CookieFlags> {
  return (data['cookie-defaults'] ??= new Map()) as Map<string, CookieFlags>
}

/** Routes that are chained begin at one place. */
function keyOf(route: Site): string {
  return `${siteKey(route)}-${route.end}`
}
