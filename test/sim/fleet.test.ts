import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokerAfter, relayAfter } from './fleet/fleet.ts'

/** The end of a regional outage as relay and broker see it, with a thousand boxes. The figures of docs/fleet.md are those of `npm run sim:fleet`. */
const boxes = 1000
const limits = { sessions: 100, rate: Number.POSITIVE_INFINITY, rttMs: 150, turns: 8, letterMs: 5 }
const outage = { boxes, hours: 1, critical: 0.1, seed: 1 }

test('a link that comes back to a thousand boxes: critical letters first, the others spread over a minute', {
  timeout: 120_000,
}, async () => {
  const seen = await relayAfter({ ...outage, kind: 'link' }, limits)
  assert.equal(seen.letters, boxes + Math.round(seen.letters - boxes))
  assert.ok(seen.peakKnocks <= boxes / 5, `${seen.peakKnocks} connections in the busiest second`)
  assert.ok(seen.minuteKnocks <= (boxes / 60) * 1.2, `${seen.minuteKnocks} a second over a minute`)
  assert.ok(seen.criticals.last < 60 && seen.criticals.p50 < 3, JSON.stringify(seen.criticals))
  assert.ok(seen.others.last <= 65, JSON.stringify(seen.others))
  // Of those with a critical letter, who do not wait for their lot, there are a few more than the relay takes at once.
  assert.ok(seen.refused < boxes / 10, `${seen.refused} were turned away`)
})

test('a relay of a tenth of the size turns boxes away, and all of them get in within minutes', { timeout: 120_000 }, async () => {
  const seen = await relayAfter({ ...outage, kind: 'link' }, { ...limits, sessions: 10 })
  assert.ok(seen.refused > 0, 'or the test says nothing')
  assert.ok(seen.refused < 5 * boxes, `${seen.refused} were turned away`)
  assert.ok(seen.others.last < 900, JSON.stringify(seen.others))
})

test('a net that comes back behind links that stood: boxes come as their rests end', { timeout: 120_000 }, async () => {
  const seen = await relayAfter({ ...outage, kind: 'net' }, limits)
  assert.ok(seen.peakKnocks <= 20, `${seen.peakKnocks} connections in the busiest second`)
  assert.equal(seen.refused, 0)
  assert.ok(seen.others.last <= 1300, JSON.stringify(seen.others))
})

test('a broker that is begun anew is not stormed a second time', { timeout: 120_000 }, async () => {
  const seen = await brokerAfter(boxes, 0, { perSecond: 2000, rttMs: 150 }, 1)
  assert.ok(seen.peakKnocks <= boxes / 5, `${seen.peakKnocks} connections in the busiest second`)
  assert.ok(seen.back.last <= 40, JSON.stringify(seen.back))
})
