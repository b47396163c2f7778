import { describe, expect, test } from 'vitest'
import { describeTerminal, type Terminal } from '../src/console.ts'
import { fakeConsole } from './fake-console.ts'

type Setting = NonNullable<Parameters<typeof fakeConsole>[0]> & { noColor?: boolean }

function terminal({ noColor = false, ...options }: Setting): Terminal {
  const console = fakeConsole(options)
  return describeTerminal(console.stdout, console, noColor)
}

describe('colour', () => {
  test.each<[string, Setting, boolean]>([
    ['a terminal', { isTTY: true }, true],
    ['a pipe', {}, false],
    ['a dumb terminal', { isTTY: true, env: { TERM: 'dumb' } }, false],
    ['NO_COLOR', { isTTY: true, env: { NO_COLOR: '1' } }, false],
    ['an empty NO_COLOR, which means nothing', { isTTY: true, env: { NO_COLOR: '' } }, true],
    ['FORCE_COLOR in a pipe', { env: { FORCE_COLOR: '1' } }, true],
    ['FORCE_COLOR=0 on a terminal', { isTTY: true, env: { FORCE_COLOR: '0' } }, false],
    ['NO_COLOR against FORCE_COLOR', { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }, false],
    ['--no-color against FORCE_COLOR', { noColor: true, env: { FORCE_COLOR: '1' } }, false],
  ])('%s', (_, setting, color) => {
    expect(terminal(setting).color).toBe(color)
  })
})

describe('characters beyond ASCII', () => {
  test.each<[string, Setting, boolean]>([
    ['a UTF-8 locale', { env: { LANG: 'en_US.UTF-8' } }, true],
    ['spelled otherwise', { env: { LANG: 'C.utf8' } }, true],
    ['a Latin locale', { env: { LANG: 'de_DE.ISO-8859-1' } }, false],
    ['no locale, which is the C locale', {}, false],
    ['LC_ALL before LANG', { env: { LC_ALL: 'C', LANG: 'en_US.UTF-8' } }, false],
    ['LC_CTYPE before LANG', { env: { LC_CTYPE: 'en_US.UTF-8', LANG: 'C' } }, true],
    ['a dumb terminal', { env: { LANG: 'en_US.UTF-8', TERM: 'dumb' } }, false],
    ['the Linux console', { env: { LANG: 'en_US.UTF-8', TERM: 'linux' } }, false],
    ['Windows Terminal', { platform: 'win32', env: { WT_SESSION: 'x' } }, true],
    ['the old Windows console', { platform: 'win32' }, false],
  ])('%s', (_, setting, unicode) => {
    expect(terminal(setting).unicode).toBe(unicode)
  })
})

test.each([
  [undefined, 100],
  [0, 100],
  [72, 72],
  [10, 40],
  [400, 120],
])('%s columns are taken as %s', (columns, width) => {
  expect(terminal(columns === undefined ? {} : { columns }).width).toBe(width)
})

test.each([
  [{ env: { COLUMNS: '60' } }, 60],
  [{ env: { COLUMNS: 'wide' } }, 100],
  [{ isTTY: true, columns: 80, env: { COLUMNS: '60' } }, 80],
])('in a pipe COLUMNS says how wide a page is: %j', (setting, width) => {
  expect(terminal(setting).width).toBe(width)
})
