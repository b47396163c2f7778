import { SaxesParser } from 'saxes'
import { expect, test } from 'vitest'
import { renderBadge } from '../../src/report/badge.ts'
import { reportOf } from './samples/build.ts'

const report = reportOf({ root: '.', score: 96, grade: 'A', files: { analysed: 1, skipped: 0 } })
const commit = 'ab'.repeat(20)

test('names grade, commit, tool and formula, to the eye and to a screen reader', () => {
  const badge = renderBadge(report, { commit })
  expect(badge).toContain(`<title>Grade A, 96 of 100. Commit ${commit}, sallyport 0.1.0, formula 1.</title>`)
  expect(badge).toContain('>A · 96</text')
  expect(badge).toContain('>abababa</text')
})

test.each([undefined, 'not a commit', '<script>'])('leaves out the commit "%s"', (given) => {
  expect(renderBadge(report, given === undefined ? {} : { commit: given })).toBe(renderBadge(report))
})

test('is well-formed and asks for nothing', () => {
  const hostile = { ...report, tool: { name: 'sallyport', version: '"><script>\u001b' }, formula: ']]>&' }
  const badge = renderBadge(hostile, { commit })
  const parser = new SaxesParser()
  parser.on('error', (error) => {
    throw error
  })
  parser.write(badge).close()
  expect(badge.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/<script|https?:|href/)
})
