import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { severities } from '../../src/alert/alert.ts'
import type { Judged } from '../../src/rules/decide.ts'
import type { Rule } from '../../src/rules/rule.ts'
import { Duty, hour, minute, second } from './duty.ts'

/** Random rules and a random day: what they promise whatever they are. */
const span = fc.constantFrom(10 * second, minute, 10 * minute, hour)
const people = { day: 'Mon-Fri 08:00-17:00', night: 'Mon-Sun 22:00-06:00' }

const rule = fc.record(
  {
    when: fc.record(
      {
        key: fc.constantFrom('a*', 'b*', '*'),
        severity: fc.constantFrom(...severities),
        field: fc.constantFrom('value > 50', 'value < 10 or value > 90'),
      },
      { requiredKeys: [] },
    ),
    to: fc.subarray(['ops', 'day', 'night'], { minLength: 1 }),
    hold: span,
    clearBelow: fc.constant(40),
    repeat: fc.array(span, { minLength: 1, maxLength: 3 }),
    group: fc.record({ by: fc.subarray(['key', 'severity']), wait: span, interval: span }),
    limit: fc.record({ count: fc.integer({ min: 1, max: 5 }), spanMs: span }),
    chatter: fc.record({ count: fc.integer({ min: 1, max: 4 }), spanMs: span }),
    escalate: fc.record({ after: span, to: fc.constant(['boss']) }),
    recovery: fc.boolean(),
    inhibitedBy: fc.constantFrom(['r0'], ['r1']),
    continue: fc.boolean(),
  },
  { requiredKeys: ['when', 'to'] },
)
/** A reminder every ten seconds for days only takes time. */
const seldom = (list: Rule[]): Rule[] =>
  list.map((one) => (one.repeat ? { ...one, repeat: one.repeat.map((ms) => Math.max(ms, hour)) } : one))
const rules = fc.array(rule, { maxLength: 4 }).map((list) => list.map((one, index) => ({ ...one, id: `r${index}` }) as Rule))

const heard: fc.Arbitrary<Partial<Judged> & { text: string }> = fc.record(
  {
    text: fc.constantFrom('Leak', 'Door', 'Fire'),
    key: fc.constantFrom('a1', 'a2', 'b1'),
    severity: fc.constantFrom(...severities),
    state: fc.constantFrom('raised', 'cleared', 'event'),
    value: fc.integer({ min: 0, max: 100 }),
    source: fc.constantFrom('plc', 'field'),
  },
  { requiredKeys: ['text'] },
)
const day = fc.array(
  fc.record({ heard, wait: fc.oneof(fc.constant(0), span), restart: fc.boolean(), silence: fc.integer({ min: 0, max: 15 }) }),
  {
    maxLength: 60,
  },
)

async function live(list: Rule[], steps: typeof day extends fc.Arbitrary<infer T> ? T : never, restarts: boolean): Promise<Duty> {
  const duty = new Duty(list, people)
  for (const [index, { heard: one, wait, restart, silence }] of steps.entries()) {
    duty.hear(one)
    if (silence === 0) {
      const stamp = { mono: duty.clock.monotonic(), wall: 0, boot: duty.clock.boot, synchronised: 'yes' as const }
      duty.standing.note({ kind: 'rules', do: 'silence', id: `s${index}`, match: { key: 'a*' }, ms: 10 * minute, by: 'Ann', stamp })
    }
    if (restart && restarts) duty.restart()
    await duty.pass(wait)
  }
  return duty
}

test('whatever the rules and the day, every number is told once, by one letter', async () => {
  await fc.assert(
    fc.asyncProperty(rules, day, async (list, steps) => {
      const duty = await live(seldom(list), steps, false)
      await duty.pass(100 * hour)
      assert.deepEqual([...duty.untold], [])
      assert.equal(duty.told.flatMap((one) => one.numbers).length + duty.ignored.length, steps.length)
    }),
    { numRuns: 150 },
  )
})

test('whatever the rules and the day, restarts change nothing of what is told, to whom and when', async () => {
  await fc.assert(
    fc.asyncProperty(rules, day, async (list, steps) => {
      const [without, with_] = [await live(list, steps, false), await live(list, steps, true)]
      assert.deepEqual(with_.told, without.told)
      assert.deepEqual(with_.ignored, without.ignored)
    }),
    { numRuns: 150 },
  )
})

test('whatever the day, a limit is kept, and what is raised is told before its end', async () => {
  await fc.assert(
    fc.asyncProperty(day, fc.integer({ min: 1, max: 5 }), async (steps, count) => {
      const duty = await live([{ id: 'all', when: {}, to: ['ops'], limit: { count, spanMs: hour } }], steps, true)
      await duty.pass(100 * hour)
      for (const { at } of duty.told)
        assert.ok(duty.told.filter((one) => one.at > at - hour && one.at <= at).length <= count, `more than ${count} letters in an hour`)
      const numbers = duty.told.flatMap((one) => one.numbers.map(() => one.at))
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => a - b),
      )
    }),
    { numRuns: 100 },
  )
})

/** Rules by which every end of what was said to be raised is told. A level ends alone, and not what else is raised of its key. */
const plain = rules.map((list) => list.map(({ recovery: _, when: { field: _field, ...when } = {}, ...one }) => ({ ...one, when })))

test('whatever the rules and the day, whoever heard that something is raised hears of its end, and nothing that is over is told as raised', async () => {
  await fc.assert(
    fc.asyncProperty(plain, day, async (list, steps) => {
      const duty = await live(seldom(list as Rule[]), steps, true)
      await duty.pass(100 * hour)
      for (const alerts of Map.groupBy(duty.heard, ([, { source, key }]) => `${source} ${key ?? ''}`).values()) {
        const isOfThese = new Set(alerts.map(([id]) => id))
        const knows = new Map<string, number>()
        for (const [id, { state }] of alerts) {
          for (const [place, { to, active }] of duty.told.entries())
            if (active.includes(id)) for (const one of to) knows.set(one, Math.max(place, knows.get(one) ?? 0))
          if (state !== 'cleared') continue
          const before = duty.told.slice(
            0,
            duty.told.findIndex(({ ids }) => ids.includes(id)),
          )
          const { to: hearers = [], kind, text } = duty.told[before.length] ?? {}
          // What was over before it was to be told is told as that, with its time.
          assert.ok(
            (kind === 'summary' && text === 'over') ||
              !before.some(
                ({ to, active }) => to.some((one) => hearers.includes(one)) && active.some((raise) => raise > id && isOfThese.has(raise)),
              ),
            `the end ${id} is told to nobody who knows that it is raised anew`,
          )
          const isAnew = (raise: number) => raise > id && isOfThese.has(raise)
          // Told where the same is raised anew: whoever knew of it hears of the end of that.
          if (duty.told.some(({ ids, active }) => ids.includes(id) && active.some(isAnew))) continue
          for (const [one, place] of knows)
            assert.ok(
              duty.told.some(({ to, ids }, at) => at >= place && to.includes(one) && ids.includes(id)),
              `the end of it, ${id}, is told to ${one} after its beginning`,
            )
          knows.clear()
        }
      }
    }),
    { numRuns: 300 },
  )
})
