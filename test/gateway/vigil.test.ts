import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Alert } from '../../src/alert/alert.ts'
import type { Stamp } from '../../src/alert/stamp.ts'
import type { Scene } from '../../src/cli/command.ts'
import { atStandstill } from '../../src/cli/standstill.ts'
import { Diary } from '../../src/gateway/diary.ts'
import { Box } from './box.ts'

const minute = 60_000
const hour = 60 * minute

const plc = { id: 'plc', kind: 'serial', path: '/dev/ttyS0', acknowledge: 'line' }

/** A box with one serial line, and what may be changed of its settings between two lives. */
async function box(source: object, more: object = {}): Promise<Box> {
  const one = new Box(7, { sources: [{ ...plc, ...source }], ...more })
  await one.boot()
  return one
}

/** The same box with other settings. */
async function changed(one: Box, settings: Record<string, unknown>): Promise<Box> {
  await one.settled(one.gateway.stop())
  const other = new Box(8, settings)
  other.disk = one.disk
  await other.boot()
  return other
}

const firstLines = (one: Box): string[] =>
  one.relay.taken.map(({ content }) => (content.split('\r\n\r\n')[1] ?? '').split('\r\n')[0]?.trim() ?? '')
const silent = (one: Box): string[] => firstLines(one).filter((line) => /Nothing heard/.test(line))

async function off(one: Box, ms: number): Promise<void> {
  await one.settled(one.gateway.stop())
  await one.pass(ms)
  await one.boot()
}

/** What is within what a rule allows is heard, and not written down. */
const level = '{"key":"pit","value":3}'

describe('silence is counted over restarts', () => {
  const rules = [{ id: 'wet', to: ['ops'], when: { key: 'pit', field: 'value > 5' } }]

  for (const unset of [false, true])
    test(`a box that is off each night tells it, once${unset ? ', also when nobody sets its clock' : ''}`, async () => {
      const one = await box({ silentAfter: '1d' })
      one.say('hello')
      await one.pass(minute)
      for (let night = 0; night < 10; night++) {
        await one.pass(20 * hour)
        if (night === 0) assert.deepEqual(silent(one), [])
        await one.settled(one.gateway.stop())
        await one.pass(4 * hour)
        await one.boot({ unset })
      }
      assert.equal(silent(one).length, 1)
      one.say('hello again')
      await one.pass(minute)
      assert.equal(firstLines(one).filter((line) => /plc is heard again/.test(line)).length, 1)
    })

  test('so does one whose power goes each night, and one that gets new settings every hour', async () => {
    const cut = await box({ silentAfter: '1d' })
    for (let night = 0; night < 4; night++) {
      await cut.pass(20 * hour)
      await cut.powerCut()
    }
    assert.equal(silent(cut).length, 1)
    const restless = await box({ silentAfter: '1d' })
    for (let times = 0; times < 30; times++) {
      await restless.pass(50 * minute)
      await off(restless, 1000)
    }
    assert.equal(silent(restless).length, 1)
  })

  for (const [what, said] of [
    ['an alert', (day: number) => `hello ${day}`],
    ['a sign of life that is nothing to tell', () => level],
  ] as const)
    for (const cut of [false, true])
      test(`a source that says ${what} each day is never called silent, ${cut ? 'though the power goes each night' : 'though the box is off each night'}`, async () => {
        const one = await box({ silentAfter: '21h' }, { rules })
        one.say(said(0))
        for (let day = 1; day < 12; day++) {
          await one.pass(19 * hour)
          one.say(said(day))
          await one.pass(30 * minute)
          if (cut) await one.powerCut()
          else await off(one, 4 * hour)
        }
        assert.deepEqual(silent(one), [])
      })

  test('a source that was nearly silent when the box went off is given some minutes', async () => {
    const one = await box({ silentAfter: '10h' })
    await one.pass(10 * hour - 1000)
    await off(one, 10 * hour)
    await one.pass(9 * minute)
    assert.deepEqual(silent(one), [])
    await one.pass(2 * minute)
    assert.equal(silent(one).length, 1)
  })

  test('the card is written to no more than once an hour for it, whatever is heard', async () => {
    const one = await box({ silentAfter: '10d' }, { rules })
    await one.pass(5 * hour)
    const before = one.gateway.desk.state().queue.syncs
    await one.pass(5 * hour)
    assert.ok(one.gateway.desk.state().queue.syncs - before <= 5)
    one.say(level)
    await one.pass(minute)
    const heard = one.gateway.desk.state().queue.syncs
    for (let times = 0; times < 50; times++) {
      one.say(level)
      await one.pass(minute / 2)
    }
    assert.equal(one.gateway.desk.state().queue.syncs, heard)
  })
})

describe('what nobody watches any more', () => {
  const rules = [{ id: 'all', to: ['ops'], repeat: ['1h'] }]
  for (const [language, sources, words] of [
    ['en', [plc], 'Nobody watches plc any more: silentAfter is no longer in its settings'],
    ['en', [], 'Nobody watches plc any more: it is no longer in the settings'],
    [
      'de',
      [plc],
      /^Niemand =C3=BCberwacht plc mehr: silentAfter steht nicht mehr|^Niemand überwacht plc mehr: silentAfter steht nicht mehr/,
    ],
  ] as const)
    test(`is over, is told so once, and is reminded of no more (${language}, ${sources.length} sources)`, async () => {
      const one = await box({ silentAfter: '30m' }, { rules })
      await one.pass(45 * minute)
      assert.equal(silent(one).length, 1)
      const site = { domain: 'site.example.org', language }
      const other = await changed(one, { sources, rules, site })
      await other.pass(30 * hour)
      const told = firstLines(other)
      assert.equal(told.length, 1, told.join('\n'))
      assert.match(told[0] ?? '', words instanceof RegExp ? words : new RegExp(words.slice(0, 60)))
      assert.deepEqual(other.gateway.desk.alerts().active, [])
      await off(other, minute)
      await other.pass(hour)
      assert.equal(firstLines(other).length, 1)
    })
})

describe('the last sign of life', () => {
  const reports = { to: ['ops'] }

  /** As `outpost sendmail` does it while no gateway runs. */
  async function writeAtStandstill(one: Box): Promise<void> {
    const ports = {
      clock: one.clock,
      disk: one.disk,
      random: one.random,
      net: one.net,
      link: one.link,
      log: () => {},
      sys: { read: async () => undefined },
    }
    const scene = {
      ports,
      dir: 'data',
      env: {},
      builtAt: Date.UTC(2026, 10, 1),
      software: 'Outpost sim',
      hide: () => {},
    } as unknown as Scene
    one.clock.dead = false
    const bytes = Buffer.from('Subject: Cron\n\nDisk full\n').toString('base64')
    const taken = await one.settled(atStandstill(scene, { verb: 'hear', source: 'sendmail', bytes }))
    assert.equal((taken as { kind: string }).kind, 'accepted')
  }

  test('is what the gateway wrote, not what a command wrote while it was dead', async () => {
    const one = new Box(7, { sources: [plc], reports })
    // As the command has it.
    one.segmentBytes = 1024 * 1024
    await one.boot()
    await one.disk.write(
      'data/settings.json',
      Buffer.from(JSON.stringify({ site: { domain: 'site.example.org' }, broker: { enabled: false } })),
    )
    one.say('hello')
    await one.pass(minute)
    const died = one.clock.wall()
    // It is killed, and hangs as far as anybody sees.
    one.clock.dead = true
    one.serial.vanish()
    for (let hours = 0; hours < 48; hours++) {
      await one.pass(hour)
      await writeAtStandstill(one)
    }
    await one.powerCut()
    await one.pass(minute)
    const letter = one.relay.taken.find(({ content }) => /was off without a goodbye/.test(content))
    assert.match(letter?.content ?? '', new RegExp(`Last sign of life: ${new Date(died - minute).toISOString().slice(0, 10)}`))
    const gap = one.gateway.desk.state().power.gaps.at(-1)
    assert.ok(gap?.cut)
    assert.ok(gap.from <= died && gap.to - gap.from >= 48 * hour, JSON.stringify(gap))
  })

  test('is not that of a letter which this life wrote before it began', async () => {
    const one = await box({}, { reports })
    one.say('hello')
    await one.pass(minute)
    const died = one.clock.wall()
    one.clock.dead = true
    await one.pass(10 * hour)
    await one.powerCut()
    await one.pass(minute)
    const gap = one.gateway.desk.state().power.gaps.at(-1)
    assert.ok(gap && gap.from <= died && gap.to - gap.from >= 10 * hour, JSON.stringify(gap))
  })

  test('is not that of a record that was copied forward', () => {
    const diary = new Diary()
    const stamp = (wall: number) => ({ wall, mono: wall, boot: 'a', synchronised: 'yes' }) as Stamp
    const alert = (id: number, wall: number) => diary.alert({ source: 'plc', stamp: stamp(wall) } as Alert, id)
    alert(7, 2000)
    alert(3, 1000)
    assert.equal(diary.last?.wall, 2000)
    const later = new Diary()
    later.restore(JSON.parse(JSON.stringify(diary)))
    later.alert({ source: 'plc', stamp: stamp(1000) } as Alert, 3)
    assert.equal(later.last?.wall, 2000)
  })
})
