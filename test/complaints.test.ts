import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Box } from './gateway/box.ts'
import { kind } from './sim/world/relay.ts'

/**
 * What users of such systems complain about, each as the case that the box must pass. `owner/repository#number` is the public thread. Those that need a real
 * peer are elsewhere and bear the same mark: search for `#` and the number.
 */
const minute = 60_000
const hour = 3_600_000
const day = 24 * hour

async function box(more: Record<string, unknown> = {}, rules: readonly object[] = []): Promise<Box> {
  const one = new Box(11, {
    sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0', acknowledge: 'line', ...((more.source as object) ?? {}) }],
    rules: rules.map((rule, index) => ({ id: `r${index}`, to: ['ops'], ...rule })),
    ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== 'source')),
  })
  await one.boot()
  return one
}

const json = (members: object): string => JSON.stringify(members)
const subjects = (one: Box): string[] =>
  one.relay.taken.map(({ content }) =>
    (/^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(content)?.[1] ?? '').replace(/\r\n/g, '').replace('Outpost: ', ''),
  )
const notices = (one: Box): number => one.disk.paths().filter((path) => path.includes('/mailbox/operator/new/')).length

describe('the network is away', () => {
  test('mqtt-tools/mqttwarn#112: an alert is kept for the days of an outage, and through a power cut in it', async () => {
    const one = await box()
    one.away()
    one.say('Leak in pit')
    await one.pass(2 * day)
    await one.powerCut()
    await one.pass(day)
    assert.deepEqual(subjects(one), [])
    one.back()
    await one.pass(10 * minute)
    assert.deepEqual(subjects(one), ['Warning: Leak in pit'])
  })

  test('scudre/alarm-central-station-receiver#29: what an alarm panel says without a network is sent when there is one', async () => {
    const one = await box({ source: { frame: { kind: 'delimiter', delimiter: '\\n' }, decode: 'contact-id' } })
    one.away()
    one.say('5011 181234E13101002')
    await one.pass(hour)
    one.back()
    await one.pass(10 * minute)
    assert.match(subjects(one)[0] ?? '', /^CRITICAL: Perimeter \(account 1234/)
  })

  test('louislam/uptime-kuma#6046: a link that fails over in the middle of a letter costs nothing', async () => {
    const one = await box()
    one.relay.onTaken = () => one.net.cut()
    one.say('Leak in pit')
    await one.pass(1000)
    one.relay.onTaken = () => {}
    one.away()
    await one.pass(20_000)
    one.back({ address: '198.51.100.77' })
    await one.pass(10 * minute)
    assert.equal(one.waiting, 0)
    assert.equal(new Set(one.relay.taken.map(({ messageId }) => messageId)).size, 1)
  })

  test('louislam/uptime-kuma#4792: nobody hears that it is over without having heard that it was', async () => {
    const one = await box()
    one.away()
    one.say(json({ key: 'web', state: 'raised', text: 'Web is down' }))
    await one.pass(hour)
    one.say(json({ key: 'web', state: 'cleared', text: 'Web is up' }))
    await one.pass(minute)
    one.back()
    await one.pass(10 * minute)
    const all = one.relay.taken.map(({ content }) => content).join('\n')
    assert.ok(all.indexOf('Web is down') >= 0 && all.indexOf('Web is down') < all.indexOf('Web is up'))
  })

  test('prometheus/alertmanager#2510: after an outage of the relay FIRING comes before RESOLVED, as it was said then', async () => {
    const one = await box({ delivery: { digest: { from: 0 } } })
    one.relay.faults = { ...kind, greeting: 1 }
    for (const [state, text] of [
      ['raised', 'firing at 81'],
      ['cleared', 'resolved at 60'],
      ['raised', 'firing at 85'],
      ['cleared', 'resolved at 61'],
    ] as const) {
      one.say(json({ key: 'boiler', state, text }))
      await one.pass(20 * minute)
    }
    one.relay.faults = { ...kind }
    await one.pass(3 * hour)
    assert.deepEqual(subjects(one), [
      'Warning: firing at 81',
      'CLEARED: resolved at 60',
      'Warning: firing at 85',
      'CLEARED: resolved at 61',
    ])
  })

  test('home-assistant/core#20026: a box that boots before its router sends when the router is there', async () => {
    const one = await box()
    one.away()
    await one.powerCut()
    one.say('Power is back')
    await one.pass(5 * minute)
    one.back()
    await one.pass(5 * minute)
    assert.deepEqual(subjects(one), ['Warning: Power is back'])
  })

  test('home-assistant/core#174086: a line that drops at the goodbye stops nothing', async () => {
    const one = await box()
    for (let i = 0; i < 3; i++) {
      one.say(`Door ${i}`)
      await one.pass(300)
      one.net.cut()
      await one.pass(5 * minute)
    }
    assert.deepEqual(new Set(subjects(one)), new Set(['Warning: Door 0', 'Warning: Door 1', 'Warning: Door 2']))
  })

  test('jgyates/genmon#410: a router that is dark for half a minute delays the letter by little more', async () => {
    const one = await box()
    one.away()
    one.say('Generator runs')
    await one.pass(30_000)
    one.back()
    await one.pass(30_000)
    assert.deepEqual(subjects(one), ['Warning: Generator runs'])
  })

  test('corecode/dma#30: a relay whose name cannot be looked up is away, and the letter waits', async () => {
    const one = await box({ relays: [{ id: 'isp', host: 'relay.invalid', security: 'none', port: 25 }] })
    one.say('Leak in pit')
    await one.pass(4 * hour)
    assert.equal(one.waiting, 1)
    assert.equal(notices(one), 0)
  })

  test('bruceg/nullmailer#75: a relay that says nothing any more does not hold the queue', async () => {
    const one = await box()
    one.away(true)
    one.say('Leak in pit')
    await one.pass(minute)
    one.back()
    await one.pass(30 * minute)
    assert.deepEqual(subjects(one), ['Warning: Leak in pit'])
  })
})

describe('the relay says no', () => {
  test('bruceg/nullmailer#1: what is refused for good is tried once and parked where it is seen', async () => {
    const one = await box()
    one.relay.faults = { ...kind, never: 1 }
    one.say('Leak in pit')
    await one.pass(2 * day)
    assert.equal(one.waiting, 0)
    assert.equal(notices(one), 1)
    assert.equal(one.log.filter(({ event }) => event === 'letter: refused').length, 1)
  })

  test('bruceg/nullmailer#69: a notice about a letter never makes another notice', async () => {
    const one = await box({ people: [{ id: 'ops', address: 'ops@example.org' }] })
    one.relay.faults = { ...kind, never: 1 }
    for (let i = 0; i < 5; i++) one.say(`Door ${i}`)
    await one.pass(6 * day)
    assert.equal(notices(one), 5)
  })

  test('freescout-help-desk/freescout#5457: a reply lost after the content makes the same letter again, not another', async () => {
    const one = await box()
    one.relay.faults = { ...kind, diesAfterDot: 1 }
    one.say('Leak in pit')
    await one.pass(minute)
    one.relay.faults = { ...kind }
    await one.pass(hour)
    assert.ok(one.relay.taken.length >= 2)
    assert.equal(new Set(one.relay.taken.map(({ content }) => content)).size, 1)
    assert.equal(one.waiting, 0)
  })

  test('be-BOP-io-SA/be-BOP#2728, Cacti/plugin_thold#577: a backlog of weeks is not flushed: old letters have expired, the rest is one digest', async () => {
    const one = await box({ delivery: { keep: '5d' } })
    one.away()
    for (let i = 0; i < 40; i++) {
      one.say(`Door ${i}`)
      await one.pass(6 * hour)
    }
    one.back()
    await one.pass(hour)
    assert.equal(one.relay.taken.length, 1)
    assert.match(subjects(one)[0] ?? '', /^(1\d|2\d) alerts after an outage/)
    assert.equal(one.waiting, 0)
  })
})

describe('too many', () => {
  test('influxdata/kapacitor#1373: 1434 alerts are at most the letters of the limit, and every number is told', async () => {
    const one = await box({}, [{ limit: '20/h' }])
    for (let i = 1; i <= 1434; i++) {
      one.say(`Sensor flaps ${i}`)
      await one.pass(40)
    }
    await one.pass(2 * hour)
    assert.equal(one.relay.taken.length, 21)
    const last = (one.relay.taken.at(-1)?.content ?? '').replaceAll('=\r\n', '')
    assert.match(last, /Numbers told here: plc #21-#1434/)
    assert.equal(one.waiting, 0)
  })

  test('mycontroller-org/mycontroller-v1-legacy#348: every 15 minutes, then each hour, and no more once it is acknowledged', async () => {
    const one = await box({}, [{ repeat: ['15m', '15m', '1h'] }])
    one.say(json({ key: 'pit', state: 'raised', text: 'Leak in pit' }))
    await one.pass(3 * hour)
    const before = one.relay.taken.length
    assert.equal(before, 5)
    const [active] = one.gateway.desk.alerts().active
    await one.settled(one.gateway.desk.acknowledge(active?.id ?? 0, 'Ann'))
    await one.pass(day)
    assert.equal(one.relay.taken.length, before)
  })

  test('prometheus/alertmanager#1860, grafana/grafana#13364, XavierBerger/RPi-Monitor#271: somebody acknowledges, and the next in line is spared', async () => {
    const one = await box({}, [{ escalate: { after: '30m', to: ['boss@example.org'] } }])
    one.say(json({ key: 'pit', state: 'raised', text: 'Leak in pit' }))
    await one.pass(10 * minute)
    await one.settled(one.gateway.desk.acknowledge(one.gateway.desk.alerts().active[0]?.id ?? 0, 'Ann'))
    await one.pass(day)
    assert.equal(one.relay.taken.length, 1)
  })

  test('an outage of nine hours with 500 alerts, 40 of them still active: one digest, then the critical ones, in order', async () => {
    const one = await box({ mail: { maxBytes: 200_000 } })
    one.away()
    for (let i = 1; i <= 500; i++) {
      const active = i % 12 === 0 && i <= 480
      const severity = active && i % 60 === 0 ? 'critical' : 'warning'
      one.say(json({ key: `k${i}`, state: active ? 'raised' : 'event', severity, text: `Alert ${i}` }))
      await one.pass(65_000)
    }
    one.back()
    await one.pass(10 * minute)
    assert.equal(subjects(one)[0], '500 alerts after an outage, 40 still active')
    const digest = (one.relay.taken[0]?.content ?? '').replaceAll('=\r\n', '')
    const active = digest.slice(digest.indexOf('Still active (40)'), digest.indexOf('Happened'))
    assert.deepEqual(
      [...active.matchAll(/CRITICAL: Alert (\d+)/g)].map(([, number]) => Number(number)),
      [60, 120, 180, 240, 300, 360, 420, 480],
    )
    assert.deepEqual(
      subjects(one).slice(1),
      [60, 120, 180, 240, 300, 360, 420, 480].map((number) => `CRITICAL: Alert ${number}`),
    )
    assert.match(digest, /Numbers told here: plc #1-#500/)
    assert.equal(one.waiting, 0)
  })
})

describe('the box itself', () => {
  test('thingsboard/thingsboard-gateway#2124, node-red/node-red#2864: what was acknowledged is there after the power was cut', async () => {
    const one = await box()
    one.away()
    for (let i = 0; i < 4; i++) one.say(`Door ${i}`)
    await one.pass(minute)
    for (let i = 0; i < 3; i++) await one.powerCut()
    assert.equal(one.waiting, 4)
    one.back()
    await one.pass(10 * minute)
    assert.equal(one.relay.taken.length, 4)
  })

  test('node-red/node-red-nodes#414: without a network it is ready at once, and listens', async () => {
    const one = await box()
    one.away(true)
    await one.powerCut()
    one.say('Leak in pit')
    await one.pass(2000)
    assert.equal(one.waiting, 1)
  })

  test('mobizt/ESP-Mail-Client#250: no letter leaves with a date from before the clock was set', async () => {
    const one = await box()
    one.clock.wrongBy = -30 * 365 * day
    one.clock.set = 'no'
    one.say('Leak in pit')
    await one.pass(minute)
    const date = /^Date: (.*)\r$/m.exec(one.relay.taken[0]?.content ?? '')?.[1] ?? ''
    assert.match(date, / 2026 .* -0000$/)
    assert.match(one.relay.taken[0]?.content ?? '', /When: unknown, not before 2026-11-01/)
  })

  test('jgyates/genmon#1065, domoticz/domoticz#829: a sensor that falls silent is told', async () => {
    const one = await box({ source: { silentAfter: '1h' } })
    await one.pass(2 * hour)
    assert.deepEqual(subjects(one), ['Warning: Nothing heard from plc for 60 min'])
  })
})
