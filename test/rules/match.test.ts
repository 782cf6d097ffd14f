import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { severities } from '../../src/alert/alert.ts'
import { matchesGlob } from '../../src/rules/glob.ts'
import { compileRules, defaultSeverity, type Matchable, matches, patternFault, RuleError } from '../../src/rules/match.ts'
import type { Rule } from '../../src/rules/rule.ts'

const leak = { source: 'plc', key: 'pump-3/leak', severity: 'warning', text: 'Leak in pit' } as const
const winner = (when: Rule['when'], alert: Matchable = leak) =>
  compileRules([{ id: 'r', when, to: ['ops'] }]).find((rule) => matches(alert, rule))?.id

describe('a rule', () => {
  test('matches when all that it asks for is so', () => {
    assert.equal(winner({}), 'r')
    assert.equal(winner({ source: 'plc', key: 'pump-*', severity: 'warning', text: '^Leak' }), 'r')
    for (const when of [{ source: 'field' }, { key: 'door-*' }, { severity: 'critical' }, { text: 'overtemp' }] as const)
      assert.equal(winner({ source: 'plc', key: 'pump-*', severity: 'warning', text: '^Leak', ...when }), undefined)
  })

  test('of a severity takes this or worse', () => {
    const takes = (rule: (typeof severities)[number]) => severities.filter((severity) => winner({ severity: rule }, { ...leak, severity }))
    assert.deepEqual(takes('critical'), ['critical'])
    assert.deepEqual(takes('warning'), ['critical', 'warning'])
    assert.deepEqual(takes('info'), ['critical', 'warning', 'info'])
    assert.equal(defaultSeverity, 'warning')
  })

  test('that asks for a key does not take an alert without one, unless any will do', () => {
    const keyless = { source: 'plc', severity: 'info', text: 'x' } as const
    assert.equal(winner({ key: 'pump-*' }, keyless), undefined)
    assert.equal(winner({ key: '*' }, keyless), 'r')
  })
})

describe('patterns', () => {
  test('a pattern that cannot be used is named with its rule and its fault', () => {
    for (const text of ['(', 'a(?=b)', '(a)\\1', 'a{1001}']) {
      assert.throws(
        () => compileRules([{ id: 'pumps', when: { text }, to: ['ops'] }]),
        (error) =>
          error instanceof RuleError &&
          error.rule === 'pumps' &&
          /^Rule pumps cannot be used\. The pattern ".*RE2 knows: /.test(error.message),
        text,
      )
      assert.match(patternFault(text) ?? '', /^The pattern/)
    }
    assert.equal(patternFault('overtemp|leak'), undefined)
  })

  test('ReDoS (CWE-1333): a pattern that is linear, but with too large a factor, is turned down before it can stall the box', () => {
    for (const text of ['.{1000}'.repeat(70), '.{0,1000}.{0,1000}[xy]']) assert.match(patternFault(text) ?? '', /repeats too much/)
  })
})

describe('a glob', () => {
  test('stands for the whole key', () => {
    assert.ok(matchesGlob('pump-?/*', 'pump-3/overtemp'))
    assert.ok(!matchesGlob('pump', 'pump-3'))
    assert.ok(!matchesGlob('pump-?', 'pump-'))
    assert.ok(matchesGlob('?', '😀'))
    assert.ok(matchesGlob('*', ''))
    assert.ok(matchesGlob('a.c', 'a.c') && !matchesGlob('a.c', 'abc'))
  })

  test('means what a regular expression of the same shape means', () => {
    const word = (letters: string) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 10 })
    fc.assert(
      fc.property(word('ab*?'), word('ab*?'), (glob, text) => {
        const shape = [...glob].map((one) => (one === '*' ? '.*' : one === '?' ? '.' : one)).join('')
        assert.equal(matchesGlob(glob, text), new RegExp(`^${shape}$`, 's').test(text))
      }),
      { numRuns: 2000 },
    )
  })

  test('with a hundred stars does not blow up', { timeout: 60_000 }, () => {
    assert.ok(!matchesGlob(`${'*a'.repeat(100)}b`, 'a'.repeat(10_000)))
  })
})
