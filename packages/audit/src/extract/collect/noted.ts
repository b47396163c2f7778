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
  return lines.some((line) => isOfOne(line, name)) && lines.every((line) => LOGS.test(line) || isGiven(line, name))
}

/** Lines of code that have the name in them. */
function mentionsOf({ file: { text } }: Site, name: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line.length < LONGEST && line.includes(name))
    .map((line) => line.trim())
    .filter((line) => !/^(?:\/\/|\*|\/\*)/.test(line) && wordsIn(line).includes(name))
}

const LONGEST = 500

function wordsIn(line: string): readonly string[] {
  return line.split(/[^\w$]+/)
}

/** Nobody else can read it: a field of one class, a name in one function. */
function isOfOne(line: string, name: string): boolean {
  return /^(?:private|const|let)\s/.test(line) && wordsIn(line.split(/[=:;]/)[0] ?? '').includes(name)
}

/** Declared, or given a value; not read. */
function isGiven(line: string, name: string): boolean {
  const [target = '', ...rest] = line.split(/(?<![=!<>])=(?![=>])|;$/)
  const words = target.replace(/\??\s*:\s*string\s*$/, '').trim()
  const isTarget = /^(?:(?:private|readonly|const|let)\s+)*(?:this\.)?[\w$]+$/.test(words) && words.endsWith(name)
  return isTarget && !rest.some((part) => wordsIn(part).includes(name))
}

const LOGS =
  /^(?:(?:this\.)?(?:#?_?log(?:ger)?|console)\??\.(?:log|info|debug|warn|error|trace|verbose)|log(?:Info|Debug|Message)?|info|debug|warn|trace)\([^;]*\);?$/
