import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRules, matches } from '../../src/rules/match.ts'

const leak = { source: 'plc', key: 'pump-3/leak', severity: 'warning', text: 'Leak in pit' } as const

test('ReDoS (CWE-1333): patterns that blow up elsewhere stay bounded on 10,000 characters', () => {
  const evil = [
    '(a+)+[xy]$',
    '(a|aa)+[xy]',
    '(a*)*[xy]',
    '(.*)*[xy]$',
    '(a?){300}a{300}[xy]',
    '(x+x+)+y',
    '(\\w{0,30}){0,30}[!?]',
    '^(([a-z])+.)+[A-Z]$',
  ]
  const texts = ['a'.repeat(10_000), 'ab'.repeat(5000), 'x'.repeat(10_000), 'ü'.repeat(10_000)]
  for (const text of evil) {
    const rules = compileRules([{ id: 'r', when: { text }, to: ['ops'] }])
    for (const one of texts) {
      // The processor's time: others may be at work.
      const begun = process.cpuUsage()
      rules.some((rule) => matches({ ...leak, text: one }, rule))
      const { user, system } = process.cpuUsage(begun)
      assert.ok(user + system < 10_000_000, `${text} took ${Math.round((user + system) / 1000)} ms`)
    }
  }
})
