/** What is called the ID of a session and is a note for the log: nobody is given it, and nobody presents it. */
import type { EventOf } from '../events.ts'
import type { Site } from '../heap.ts'
import { wordsOf } from '../made-secrets.ts'

/**
 * `private sessionId` or `const sessionId`, and every other line of the file that mentions it writes to a log. A line that
 * cannot be told to do that may do anything.
 */
export function isOnlyLogged({ what, site }: EventOf<'secret-made'>): boolean {
  const name = /^value of ([\w$]{1,80})$/.exec(what)?.[1]
  if (name === undefined || !/^session ids?$/.test(wordsOf(name).slice(-2).join(' '))) return false
  const lines = mentionsOf(site, name)
  return lines.some((line) => isOfOne(line, name)) && lines.every((line) => isLog(line, name) || isGiven(line, name))
}

/** Lines of code that have the name in them. */
function mentionsOf({ file: { text } }: Site, name: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line.includes(name))
    .map((line) => line.trim())
    .filter((line) => !/^(?:\/\/|\*|\/\*)/.test(line) && wordsIn(line).includes(name))
}

function wordsIn(line: string): readonly string[] {
  return line.split(/[^\w$]+/)
}

/** Nobody else can read it: a field of one class, a name in one function. */
function isOfOne(line: string, name: string): boolean {
  return /^(?:private|const|let)\s/.test(line) && wordsIn(line.split(/[=:;]/)[0] ?? '').includes(name)
}

/** Declared, or given a value; not read. Of what is too long to be read, nobody knows. */
function isGiven(line: string, name: string): boolean {
  if (line.length >= LONGEST) return false
  const [target = '', ...rest] = line.split(/(?<![=!<>])=(?![=>])|;$/)
  const words = target.replace(/\??\s*:\s*string\s*$/, '').trim()
  const isTarget = /^(?:(?:private|readonly|const|let)\s+)*(?:this\.)?[\w$]+$/.test(words) && words.endsWith(name)
  return isTarget && !rest.some((part) => wordsIn(part).includes(name))
}

/** One call that writes to a log, and gives the name to nothing else. Of what is too long to be read, nobody knows. */
function isLog(line: string, name: string): boolean {
  const [head] = line.length < LONGEST ? (LOGS.exec(line) ?? []) : []
  if (head === undefined) return false
  const end = closingOf(line, head.length)
  return /^;?$/.test(line.slice(end + 1)) && !isHandedOn(line.slice(head.length, end), name)
}

const LONGEST = 500
const LOGS =
  /^(?:(?:this\.)?(?:#?_?log(?:ger)?|console)\??\.(?:log|info|debug|warn|error|trace|verbose)|log(?:Info|Debug|Message)?|info|debug|warn|trace)\(/

/** Where what was opened before this place is closed. */
function closingOf(line: string, from: number): number {
  let depth = 1
  for (let at = from; at < line.length; at += 1) {
    if (line[at] === '(') depth += 1
    if (line[at] === ')') depth -= 1
    if (depth === 0) return at
  }
  return line.length
}

/** `keep(sessionId)` among what is logged: whoever is given it may do more with it than write it. */
function isHandedOn(written: string, name: string): boolean {
  return [...written.matchAll(/([\w$]{1,80})\(/g)].some(({ 0: head, 1: callee = '', index }) => {
    const start = index + head.length
    return !WRITES.test(callee) && wordsIn(written.slice(start, closingOf(written, start))).includes(name)
  })
}

const WRITES =
  /^(?:stringify|String|inspect|format\w*|mask\w*|redact\w*|shorten\w*|truncate\w*|hash\w*|bold|dim|red|green|yellow|blue|cyan|magenta|gray|grey|white)$/
