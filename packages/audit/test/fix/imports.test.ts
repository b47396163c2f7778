import { expect, test } from 'vitest'
import { applyEdits } from '../../src/fix/edits.ts'
import { bring } from '../../src/fix/imports.ts'
import { createSyntax } from '../../src/syntax/read.ts'
import { aTree } from '../score/build.ts'

/** The file with `names` of `module` brought in for use at `USE`, and what they are called there. */
function brought(text: string, names: readonly string[], module = 'node:crypto', path = 'server.ts') {
  const file = createSyntax(aTree([{ path, text }])).file(path)!
  const start = Math.max(text.indexOf('USE'), 0)
  const { as, edits } = bring(file, module, names, [{ start, end: start + 3 }])
  return { as, text: applyEdits(edits, () => text).get(path) ?? text }
}

test('what is imported already is used', () => {
  const text = "import { randomBytes } from 'crypto'\nUSE()\n"
  expect(brought(text, ['randomBytes'])).toEqual({ as: ['randomBytes'], text })
})

test('under the name that it has', () => {
  const text = "import { randomBytes as bytes } from 'node:crypto'\nUSE()\n"
  expect(brought(text, ['randomBytes'])).toEqual({ as: ['bytes'], text })
})

test.each([
  ["import crypto from 'crypto'\nUSE()\n"],
  ["import * as crypto from 'node:crypto'\nUSE()\n"],
  ["const crypto = require('crypto')\nUSE()\n"],
])('a name for the whole module is used: %s', (text) => {
  expect(brought(text, ['randomBytes'], 'node:crypto', 'server.js')).toEqual({ as: ['crypto.randomBytes'], text })
})

test('an import is extended, in order where it is in order', () => {
  expect(
    brought("import { createHmac, randomUUID } from 'crypto';\nUSE();\n", ['randomBytes', 'createHash']).text,
  ).toBe("import { createHash, createHmac, randomBytes, randomUUID } from 'crypto';\nUSE();\n")
  expect(brought("import { randomUUID, createHmac } from 'crypto';\nUSE();\n", ['randomBytes']).text).toBe(
    "import { randomUUID, createHmac, randomBytes } from 'crypto';\nUSE();\n",
  )
})

test('an import over several lines stays so', () => {
  expect(brought("import {\n\tcreateHmac,\n} from 'crypto';\nUSE();\n", ['randomBytes']).text).toBe(
    "import {\n\tcreateHmac,\n\trandomBytes,\n} from 'crypto';\nUSE();\n",
  )
})

test('a require is extended', () => {
  expect(
    brought("const { createHmac: hmac } = require('crypto');\nUSE();\n", ['randomBytes'], 'node:crypto', 'a.js').text,
  ).toBe("const { createHmac: hmac, randomBytes } = require('crypto');\nUSE();\n")
})

test('types alone are no import', () => {
  expect(brought("import type { Hash } from 'node:crypto'\nUSE()\n", ['createHash']).text).toBe(
    "import type { Hash } from 'node:crypto'\nimport { createHash } from 'node:crypto'\nUSE()\n",
  )
})

test('a new import stands with those of its kind, written as they are', () => {
  expect(
    brought("import fs from \"fs\";\nimport express from \"express\";\nUSE('a', 'b', 'c');\n", ['randomBytes']).text,
  ).toBe(
    'import fs from "fs";\nimport { randomBytes } from "crypto";\nimport express from "express";\nUSE(\'a\', \'b\', \'c\');\n',
  )
  expect(brought("import express from 'express'\nUSE()\n", ['localhostHostValidation'], 'a/b.js').text).toBe(
    "import express from 'express'\nimport { localhostHostValidation } from 'a/b.js'\nUSE()\n",
  )
})

test('in a script it is a require', () => {
  expect(
    brought(
      "#!/usr/bin/env node\n'use strict'\nconst express = require('express')\nUSE()\n",
      ['randomBytes'],
      'node:crypto',
      'a.js',
    ).text,
  ).toBe(
    "#!/usr/bin/env node\n'use strict'\nconst { randomBytes } = require('node:crypto')\nconst express = require('express')\nUSE()\n",
  )
})

test('line ends and byte order marks stay', () => {
  expect(brought('\ufeffUSE()\r\nrun()\r\n', ['randomBytes']).text).toBe(
    "\ufeffimport { randomBytes } from 'node:crypto'\r\n\r\nUSE()\r\nrun()\r\n",
  )
})

test('a name that is taken is brought under another', () => {
  expect(brought('const randomBytes = 1\nUSE(randomBytes)\n', ['randomBytes'])).toEqual({
    as: ['nodeRandomBytes'],
    text: "import { randomBytes as nodeRandomBytes } from 'node:crypto'\n\nconst randomBytes = 1\nUSE(randomBytes)\n",
  })
})

test('what is imported but means something else in that place is not used', () => {
  const text = "import { randomBytes } from 'node:crypto'\nfunction make(randomBytes: number) { return USE }\n"
  expect(brought(text, ['randomBytes']).as).toEqual(['nodeRandomBytes'])
})
