/** Browsers that a server drives: a page or a context is what one user sees and does, a browser may have many. */
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { UNKNOWN, object } from '../value.ts'

const browser: ExternalHandler = (machine, call) => object(machine.library('browser', call.site))

const page: MethodHandler = (machine, _target, call) => object(machine.library('browser-page', call.site))

const OPENS = { newPage: page, newContext: page, createBrowserContext: page, createIncognitoBrowserContext: page }

const ENGINES = ['chromium', 'firefox', 'webkit']
const STARTS = ['launch', 'connect', 'connectOverCDP']
const DRIVERS = ['playwright', 'playwright-core', '@playwright/test', 'patchright', 'rebrowser-playwright']
const PUPPETEERS = ['puppeteer', 'puppeteer-core', 'puppeteer-extra', 'rebrowser-puppeteer']

function paths(): readonly string[] {
  return [
    ...DRIVERS.flatMap((driver) => ENGINES.flatMap((engine) => STARTS.map((start) => `${driver}#${engine}.${start}`))),
    ...PUPPETEERS.flatMap((driver) => STARTS.flatMap((start) => [`${driver}#${start}`, `${driver}#default.${start}`])),
  ]
}

export const browsers: Model = {
  calls: {
    ...Object.fromEntries(paths().map((path) => [path, browser])),
    // A profile on disk is one user's.
    ...Object.fromEntries(
      DRIVERS.flatMap((driver) =>
        ENGINES.map((engine) => [
          `${driver}#${engine}.launchPersistentContext`,
          ((machine, call) => object(machine.library('browser-page', call.site))) as ExternalHandler,
        ]),
      ),
    ),
  },
  methods: {
    browser: { ...OPENS, '*': () => UNKNOWN },
    'browser-page': { ...OPENS, '*': () => UNKNOWN },
  },
}
