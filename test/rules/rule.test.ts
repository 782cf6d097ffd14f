import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whyNot } from '../../src/rules/explain.ts'
import { compileRules } from '../../src/rules/match.ts'
import { noteIn } from '../../src/rules/note.ts'
import { parseRate, type Rule } from '../../src/rules/rule.ts'

test('a rate is so many in a span', () => {
  assert.deepEqual(parseRate('20/h'), { count: 20, spanMs: 3_600_000 })
  assert.deepEqual(parseRate(' 6/10m '), { count: 6, spanMs: 600_000 })
  assert.deepEqual(parseRate('1/30s'), { count: 1, spanMs: 30_000 })
  assert.deepEqual(parseRate('200/2d'), { count: 200, spanMs: 172_800_000 })
  assert.deepEqual(parseRate('3/5min'), { count: 3, spanMs: 300_000 })
  for (const text of ['', '0/h', '201/h', '5', '5/', '5/w', '5/0m', 'x5/h', '5/h x', '1000/h', '5/10000s'])
    assert.equal(parseRate(text), undefined, text)
})

test('of a rule that does not take an alert it is said why', () => {
  const alert = { source: 'plc', key: 'pump-3', severity: 'warning', state: 'raised', text: 'Leak', value: 5 } as const
  const why = (when: Rule['when'], more: object = {}) => {
    const [rule] = compileRules([{ id: 'r', when, to: ['ops'] }])
    return rule && whyNot({ ...alert, ...more }, rule)
  }
  assert.equal(why({ source: 'plc', severity: 'warning', key: 'pump-*', text: 'Le.k', field: 'value > 4' }), undefined)
  assert.match(why({ source: 'field' }) ?? '', /for source field/)
  assert.match(why({ severity: 'critical' }) ?? '', /warning is less than critical/)
  assert.equal(why({ severity: 'info' }), undefined)
  assert.match(why({ key: 'door-*' }) ?? '', /pump-3 does not fit door-\*/)
  assert.match(why({ key: 'door-*' }, { key: undefined }) ?? '', /has no key/)
  assert.match(why({ text: 'Fire' }) ?? '', /does not match Fire/)
  assert.match(why({ field: 'value > 5' }) ?? '', /value > 5 does not hold/)
})

test('a note of what a person did is read again, and nothing else passes for one', () => {
  const stamp = { wall: 0, mono: 5, boot: 'b', synchronised: 'yes' }
  const notes = [
    { kind: 'rules', do: 'acknowledge', rule: 'r', source: 'plc', key: 'k', by: 'Ann', stamp },
    { kind: 'rules', do: 'silence', id: 's', match: {}, ms: 5, by: 'Ann', stamp },
    { kind: 'rules', do: 'unsilence', id: 's' },
  ]
  for (const note of notes) {
    assert.equal(noteIn(note), note)
    for (const member of Object.keys(note).filter((name) => !(note.do === 'silence' && name === 'by')))
      assert.equal(noteIn({ ...note, [member]: null }), undefined, `${note.do} without ${member}`)
  }
  for (const odd of [undefined, null, 5, 'rules', [], { ...notes[0], stamp: {} }, { ...notes[1], stamp: { mono: 'x' } }])
    assert.equal(noteIn(odd), undefined)
})
