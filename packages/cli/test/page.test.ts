import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { renderPage } from '../src/page.ts'

const page = `# Stale handle

A handle \`h\` that **never** ends — see [the clause](https://example.org/clause) for what a server must do with it.

## What to do

1. Give it an *end*
   of its own.
2. Check it.

- One
- Two, which goes on for long enough that the line has to be broken before it ends

| a | b |
|---|---|
| 1 | 2 |

\`\`\`ts
const h = mint()   // kept as it is

destroy(h)
\`\`\`
`

test('sets a page in a terminal with everything', () => {
  expect(renderPage(page, { color: true, unicode: true, width: 60 }).replaceAll('\u001b', 'ESC'))
    .toMatchInlineSnapshot(`
    "ESC[1mESC[4mStale handleESC[24mESC[22m

    A handle ESC[36mhESC[39m that ESC[1mneverESC[22m ends — see the clause
    (ESC[4mhttps://example.org/clauseESC[24m) for what a server must do with
    it.

    ESC[1mWhat to doESC[22m

      1. Give it an ESC[3mendESC[23m of its own.
      2. Check it.

      • One
      • Two, which goes on for long enough that the line has to
        be broken before it ends

    | a | b |
    |---|---|
    | 1 | 2 |

    ESC[36m    const h = mint()   // kept as it isESC[39m

    ESC[36m    destroy(h)ESC[39m
    "
  `)
})

test('sets it in plain ASCII', () => {
  expect(renderPage(page, { color: false, unicode: false, width: 60 })).toMatchInlineSnapshot(`
    "Stale handle

    A handle h that never ends -- see the clause
    (https://example.org/clause) for what a server must do with
    it.

    What to do

      1. Give it an end of its own.
      2. Check it.

      - One
      - Two, which goes on for long enough that the line has to
        be broken before it ends

    | a | b |
    |---|---|
    | 1 | 2 |

        const h = mint()   // kept as it is

        destroy(h)
    "
  `)
})

test('an open code fence ends with the page', () => {
  expect(renderPage('```\nx\n', { color: false, unicode: true, width: 60 })).toBe('    x\n\n')
})

test('loses no word of any page', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{1,30}$/)), fc.integer({ min: 40, max: 120 }), (words, width) => {
      const set = renderPage(words.join(' '), { color: false, unicode: true, width })
      expect(set.split(/\s+/).filter(Boolean)).toEqual(words)
      expect(Math.max(...set.split('\n').map((line) => line.length))).toBeLessThanOrEqual(width)
    }),
  )
})
