import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Duty, hour, minute, second } from './duty.ts'

const kinds = (duty: Duty) => duty.told.map(({ kind, text }) => `${kind} ${text}`)
const raised = (text: string, key = 'pump-1', severity: 'critical' | 'warning' = 'warning') => ({
  text,
  key,
  severity,
  state: 'raised' as const,
})
const cleared = (text: string, key = 'pump-1') => ({ text, key, state: 'cleared' as const })

describe('who hears of it', () => {
  test('the first rule that matches takes it, those that continue add their people, each once', () => {
    const duty = new Duty([
      { id: 'log', when: { source: 'plc' }, to: ['archive', 'ops'], continue: true },
      { id: 'leaks', when: { text: '(?i)leak' }, to: ['ops', 'plumber'] },
      { id: 'all', when: {}, to: ['boss'] },
    ])
    duty.hear({ text: 'Leak in pit' })
    duty.hear({ text: 'Leak in pit', source: 'field' })
    duty.hear({ text: 'Door' })
    assert.deepEqual(
      duty.told.map((one) => one.to),
      [
        ['archive', 'ops', 'plumber'],
        ['ops', 'plumber'],
        ['archive', 'ops', 'boss'],
      ],
    )
  })

  test('what no rule takes goes to the first person', () => {
    const duty = new Duty([{ id: 'pumps', when: { key: 'pump-*' } }])
    duty.hear({ text: 'Door open', key: 'door' })
    assert.deepEqual(duty.told[0]?.to, ['first'])
  })
})

describe('a level', () => {
  const rules = [
    { id: 'hot', when: { field: 'value > 100' }, to: ['boss'] },
    { id: 'warm', when: { field: 'value > 80' }, clearBelow: 75 },
  ]
  const reading = (duty: Duty, value: number) => duty.hear({ text: `at ${value}`, key: 'boiler', value })

  test('is raised once, stays raised down to where it is cleared, and its end is told', async () => {
    const duty = new Duty(rules)
    for (const value of [70, 79, 81, 85, 78, 76, 82, 74, 70, 90]) {
      reading(duty, value)
      await duty.pass(minute)
    }
    assert.deepEqual(kinds(duty), ['raised at 81', 'recovery at 74', 'raised at 90'])
    assert.equal(duty.ignored.length, 7)
  })

  test('of the worse kind hides the lesser, and hands over to it on the way down', () => {
    const duty = new Duty(rules)
    for (const value of [90, 120, 130, 90, 85, 70]) reading(duty, value)
    assert.deepEqual(kinds(duty), ['raised at 90', 'raised at 120', 'recovery at 90', 'recovery at 70'])
    const jump = new Duty(rules)
    for (const value of [120, 90, 70]) reading(jump, value)
    assert.deepEqual(
      jump.told.map(({ kind, text, to }) => `${kind} ${text} ${to}`),
      ['raised at 120 boss', 'raised at 90 ops,boss', 'recovery at 70 ops,boss'],
    )
  })
})

describe('what comes and goes', () => {
  test('a recovery goes to whoever heard of the trouble, whatever the rules say of the recovery itself', () => {
    const duty = new Duty([
      { id: 'bad', when: { severity: 'critical' }, to: ['boss'] },
      { id: 'rest', when: {} },
    ])
    duty.hear(raised('Leak', 'pit', 'critical'))
    duty.hear({ ...cleared('Dry', 'pit'), severity: 'info' })
    assert.deepEqual(
      duty.told.map(({ kind, to }) => `${kind} ${to}`),
      ['raised boss', 'recovery boss'],
    )
  })

  test('a recovery goes to all who heard of the trouble by several rules, but to none whose rule wants none', async () => {
    const rules = [
      { id: 'bad', when: { severity: 'critical' as const }, to: ['boss'] },
      { id: 'rest', when: {}, escalate: { after: minute, to: ['night'] } },
    ]
    const grown = async (recovery: Record<string, boolean>) => {
      const duty = new Duty(rules.map((one) => ({ ...one, recovery: recovery[one.id] ?? true })))
      duty.hear(raised('Leak', 'pit'))
      await duty.pass(hour)
      duty.hear(raised('Flood', 'pit', 'critical'))
      duty.hear(cleared('Dry', 'pit'))
      return duty.told.map(({ kind, to }) => `${kind} ${to}`)
    }
    assert.deepEqual(await grown({}), ['raised ops', 'escalation night', 'raised boss', 'recovery ops,night,boss'])
    assert.equal((await grown({ rest: false })).at(-1), 'recovery boss')
    assert.equal((await grown({ bad: false })).at(-1), 'recovery ops,night')
  })

  test('what a limit kept and another rule told to be over is told as over', async () => {
    const duty = new Duty([
      { id: 'bad', when: { severity: 'critical' }, to: ['boss'], limit: { count: 1, spanMs: hour } },
      { id: 'rest', when: {} },
    ])
    duty.hear({ text: 'Fire', severity: 'critical' })
    duty.hear(raised('Leak', 'pit'))
    duty.hear(raised('Flood', 'pit', 'critical'))
    duty.hear(cleared('Dry', 'pit'))
    duty.restart()
    await duty.pass(2 * hour)
    assert.deepEqual(kinds(duty), ['event Fire', 'raised Leak', 'recovery Dry', 'summary limit'])
    assert.deepEqual(duty.numbersTold(), [1, 2, 3, 4])
  })

  test('reminders keep to the limit, and leave its room to what is new', async () => {
    const duty = new Duty([{ id: 'all', when: {}, limit: { count: 2, spanMs: hour }, repeat: [10 * minute] }])
    duty.hear(raised('Leak', 'pit'))
    await duty.pass(15 * minute)
    duty.hear(raised('Door', 'door'))
    await duty.pass(6 * hour)
    const first = duty.told.slice(0, 3).map(({ at, kind, text }) => `${at / minute} ${kind} ${text}`)
    assert.deepEqual(first, ['0 raised Leak', '10 reminder Leak', '60 raised Door'])
    for (const { at } of duty.told) assert.ok(duty.told.filter((one) => one.at > at - hour && one.at <= at).length <= 2)
  })

  test('who was called hears of the end, whoever would be called by now', async () => {
    const duty = new Duty([{ id: 'all', when: {}, escalate: { after: minute, to: ['boss'] } }])
    duty.hear(raised('Leak', 'pit'))
    await duty.pass(hour)
    duty.rename('all', 'all', { escalate: { after: minute, to: ['night'] } })
    duty.hear(cleared('Dry', 'pit'))
    assert.deepEqual(duty.told.at(-1)?.to, ['ops', 'boss'])
  })

  test('what becomes worse after somebody acknowledged it is told, reminded of and escalated anew', async () => {
    const duty = new Duty([{ id: 'all', when: {}, escalate: { after: 10 * minute, to: ['boss'] }, repeat: [hour] }])
    duty.hear(raised('Oil low', 'oil'))
    await duty.pass(minute)
    const stamp = { mono: duty.clock.monotonic(), wall: 0, boot: duty.clock.boot, synchronised: 'yes' as const }
    duty.standing.note({ kind: 'rules', do: 'acknowledge', rule: 'all', source: 'plc', key: 'oil', by: 'Ann', stamp })
    await duty.pass(hour)
    duty.hear(raised('Oil lower', 'oil'))
    await duty.pass(2 * hour)
    duty.hear(raised('Oil gone', 'oil', 'critical'))
    await duty.pass(90 * minute)
    assert.deepEqual(kinds(duty), ['raised Oil low', 'raised Oil lower', 'raised Oil gone', 'escalation Oil gone', 'reminder Oil gone'])
  })

  test('the end of a level that was told is not held back with the lesser one that follows', async () => {
    const duty = new Duty([
      { id: 'hot', when: { field: 'value > 90' }, to: ['boss'] },
      { id: 'warm', when: { field: 'value > 80' }, hold: 5 * minute },
    ])
    for (const value of [95, 85, 20]) {
      duty.hear({ text: `at ${value}`, key: 'boiler', value })
      await duty.pass(minute)
    }
    assert.deepEqual(
      duty.told.map(({ kind, text, to }) => `${kind} ${text} ${to}`),
      ['raised at 95 boss', 'raised at 85 ops,boss', 'recovery at 20 ops,boss'],
    )
  })

  test('what was kept as long as anything is kept is told in spite of its limit', async () => {
    const duty = new Duty([{ id: 'all', when: {}, limit: { count: 1, spanMs: 7 * 24 * hour } }])
    duty.hear({ text: 'Door' })
    duty.hear({ text: 'Fire', severity: 'critical' })
    await duty.pass(61 * hour)
    assert.equal(duty.told.length, 2)
  })

  test('a recovery that nobody wants is named in the next letter', () => {
    const duty = new Duty([{ id: 'all', when: {}, recovery: false }])
    duty.hear(raised('Leak'))
    duty.hear(cleared('Dry'))
    duty.hear(raised('Leak'))
    assert.deepEqual(kinds(duty), ['raised Leak', 'raised Leak'])
    assert.deepEqual(duty.numbersTold(), [1, 2, 3])
    assert.equal(duty.told[1]?.merged, '#2')
  })

  test('what does not last is told to nobody, and named in the next letter', async () => {
    const duty = new Duty([{ id: 'all', when: {}, hold: 30 * second }])
    duty.hear(raised('Low'))
    await duty.pass(10 * second)
    duty.hear(cleared('Fine'))
    await duty.pass(10 * minute)
    assert.deepEqual(duty.told, [])
    duty.hear(raised('Low'))
    await duty.pass(29 * second)
    assert.deepEqual(duty.told, [])
    await duty.pass(2 * second)
    duty.hear(cleared('Fine'))
    assert.deepEqual(kinds(duty), ['raised Low', 'recovery Fine'])
    assert.deepEqual(duty.numbersTold(), [1, 2, 3, 4])
  })

  test('an alert without a key is no situation: each is told', () => {
    const duty = new Duty([{ id: 'all', when: {} }])
    for (const text of ['Bell', 'Bell', 'Bell']) duty.hear({ text })
    assert.equal(duty.told.length, 3)
  })
})

describe('while it lasts', () => {
  const rules = [{ id: 'all', when: {}, repeat: [15 * minute, hour], escalate: { after: 30 * minute, to: ['night'] } }]

  test('people are reminded at the waits of the rule, and somebody else is told once', async () => {
    const duty = new Duty(rules)
    duty.hear(raised('Leak'))
    await duty.pass(4 * hour)
    assert.deepEqual(
      duty.told.map(({ at, kind, to }) => `${at / minute} ${kind} ${to}`),
      ['0 raised ops', '15 reminder ops', '30 escalation night', '75 reminder ops', '135 reminder ops', '195 reminder ops'],
    )
    duty.hear(cleared('Dry'))
    assert.deepEqual(duty.told.at(-1)?.to, ['ops', 'night'])
    await duty.pass(4 * hour)
    assert.equal(duty.told.at(-1)?.kind, 'recovery')
  })

  test('nobody is reminded of what somebody has acknowledged, until it comes again', async () => {
    const duty = new Duty(rules)
    duty.hear(raised('Leak'))
    await duty.pass(minute)
    duty.standing.note({
      kind: 'rules',
      do: 'acknowledge',
      rule: 'all',
      source: 'plc',
      key: 'pump-1',
      by: 'Ann',
      stamp: { ...duty.standing.situations[0]?.stamp },
    })
    await duty.pass(10 * hour)
    assert.deepEqual(kinds(duty), ['raised Leak'])
    duty.hear(cleared('Dry'))
    duty.hear(raised('Leak'))
    await duty.pass(16 * minute)
    assert.deepEqual(kinds(duty), ['raised Leak', 'recovery Dry', 'raised Leak', 'reminder Leak'])
  })

  test('the same again is nothing new; other words are', () => {
    const duty = new Duty(rules)
    duty.hear(raised('Leak'))
    duty.hear(raised('Leak'))
    duty.hear(raised('Leak, 3 cm'))
    assert.deepEqual(kinds(duty), ['raised Leak', 'raised Leak, 3 cm'])
  })
})

describe('too much of it', () => {
  test('1,434 alerts in a minute come as no more letters than the limit, with every number told once', async () => {
    const duty = new Duty([{ id: 'all', when: {}, limit: { count: 20, spanMs: hour } }])
    for (let i = 0; i < 1434; i++) {
      duty.hear({ text: `Door ${i % 7}` })
      await duty.pass(40)
    }
    await duty.pass(2 * hour)
    assert.equal(duty.told.length, 21)
    assert.equal(duty.told.filter(({ at }) => at < hour).length, 20)
    assert.deepEqual(
      duty.numbersTold(),
      Array.from({ length: 1434 }, (_, index) => index + 1),
    )
  })

  test('alerts alike wait for each other and come as one letter, and the next after the interval', async () => {
    const duty = new Duty([{ id: 'all', when: {}, group: { by: ['key'], wait: 30 * second, interval: 5 * minute } }])
    for (const [key, text] of [
      ['a', 'one'],
      ['b', 'two'],
      ['a', 'three'],
    ] as const)
      duty.hear({ key, text })
    await duty.pass(31 * second)
    assert.deepEqual(duty.told.map(({ kind, numbers }) => `${kind} ${numbers}`).sort(), ['raised 2', 'summary 1,3'])
    duty.hear({ key: 'a', text: 'four' })
    await duty.pass(4 * minute)
    assert.equal(duty.told.length, 2)
    await duty.pass(2 * minute)
    assert.equal(duty.told.length, 3)
  })

  test('what chatters is told once too often, and then when it is calm', async () => {
    const duty = new Duty([{ id: 'all', when: {}, chatter: { count: 3, spanMs: 10 * minute } }])
    for (let i = 0; i < 20; i++) {
      duty.hear(raised('Door open', 'door'))
      await duty.pass(5 * second)
      duty.hear(cleared('Door closed', 'door'))
      await duty.pass(5 * second)
    }
    const before = duty.told.length
    assert.ok(before <= 8, `${before} letters`)
    await duty.pass(hour)
    assert.equal(duty.told.length, before + 1)
    assert.equal(duty.told.at(-1)?.kind, 'summary')
    assert.deepEqual(
      duty.numbersTold(),
      Array.from({ length: 40 }, (_, index) => index + 1),
    )
  })
})

describe('quiet', () => {
  test('what is silenced is told together when the silence is over', async () => {
    const duty = new Duty([{ id: 'all', when: {} }])
    const stamp = { mono: 0, wall: 0, boot: 'boot-1', synchronised: 'yes' }
    duty.standing.note({ kind: 'rules', do: 'silence', id: 's1', match: { key: 'pump-*' }, ms: 2 * hour, by: 'Ann', stamp })
    duty.hear(raised('Leak'))
    duty.hear({ text: 'Door', key: 'door' })
    await duty.pass(hour)
    duty.hear(cleared('Dry'))
    assert.deepEqual(kinds(duty), ['event Door'])
    await duty.pass(2 * hour)
    assert.deepEqual(
      duty.told.map(({ kind, numbers }) => `${kind} ${numbers}`),
      ['event 2', 'summary 1,3'],
    )
  })

  test('a power failure explains what hangs on it: that is told when the power is back', async () => {
    const duty = new Duty([
      { id: 'power', when: { key: 'power' } },
      { id: 'rest', when: {}, inhibitedBy: ['power'] },
    ])
    duty.hear(raised('Mains failed', 'power'))
    duty.hear(raised('Pump stopped'))
    duty.hear(raised('Pump stopped', 'pump-2'))
    await duty.pass(hour)
    assert.deepEqual(kinds(duty), ['raised Mains failed'])
    duty.hear(cleared('Mains back', 'power'))
    duty.hear(cleared('Pump runs'))
    await duty.pass(minute)
    assert.deepEqual(kinds(duty), ['raised Mains failed', 'recovery Mains back', 'summary inhibited'])
    assert.deepEqual(duty.numbersTold(), [1, 2, 3, 4, 5])
  })

  test('two that explain each other do not keep back the end of what was told', async () => {
    const duty = new Duty([
      { id: 'power', when: { key: 'power' }, inhibitedBy: ['pump'] },
      { id: 'pump', when: { key: 'pump' }, inhibitedBy: ['power'] },
    ])
    duty.hear(raised('Mains failed', 'power'))
    duty.hear(raised('Pump stopped', 'pump'))
    duty.hear(cleared('Mains back', 'power'))
    await duty.pass(minute)
    assert.deepEqual(kinds(duty), ['raised Mains failed', 'recovery Mains back', 'raised Pump stopped'])
  })

  test('whoever comes on duty is reminded, and whoever heard of it hears of its end', async () => {
    const people = { day: 'Mon-Fri 08:00-17:00', night: 'Mon-Sun 17:00-08:00' }
    const duty = new Duty([{ id: 'all', when: {}, to: ['day', 'night'], repeat: [4 * hour] }], people)
    await duty.pass(8 * hour)
    duty.hear(raised('Leak', 'pit'))
    await duty.pass(5 * hour)
    duty.hear(cleared('Dry', 'pit'))
    assert.deepEqual(
      duty.told.map(({ at, kind, to }) => `${at / hour} ${kind} ${to}`),
      ['8 raised day', '12 reminder night', '13 recovery day,night'],
    )
  })

  test('whoever heard of the worse level hears of the end of the lesser one, off duty at the hand-over', async () => {
    const rules = [
      { id: 'hot', when: { field: 'value > 90' }, to: ['day'] },
      { id: 'warm', when: { field: 'value > 80' }, to: ['night'] },
    ]
    const duty = new Duty(rules, { day: 'Mon-Fri 08:00-17:00', night: 'Mon-Sun 17:00-08:00' })
    for (const [value, wait] of [
      [95, 10 * hour],
      [85, hour],
      [20, hour],
    ] as const) {
      duty.hear({ text: `at ${value}`, key: 'boiler', value })
      await duty.pass(wait)
      duty.restart()
    }
    assert.deepEqual(
      duty.told.map(({ kind, text, to }) => `${kind} ${text} ${to}`),
      ['raised at 95 day', 'raised at 85 night', 'recovery at 20 night,day'],
    )
  })

  test('what an earlier version wrote down, without who heard of it, ends for all that it was for', async () => {
    const people = { day: 'Mon-Fri 08:00-17:00', night: 'Mon-Sun 17:00-08:00' }
    const duty = new Duty([{ id: 'all', when: {}, to: ['day', 'night'], repeat: [4 * hour] }], people)
    await duty.pass(8 * hour)
    duty.hear(raised('Leak', 'pit'))
    const written = JSON.parse(JSON.stringify(duty.standing))
    duty.standing.restore({ ...written, situations: written.situations.map(({ heard: _, ...one }: Record<string, unknown>) => one) })
    await duty.pass(5 * hour)
    duty.hear(cleared('Dry', 'pit'))
    assert.deepEqual(
      duty.told.map(({ kind, to }) => `${kind} ${to}`),
      ['raised day', 'reminder night', 'recovery day,night'],
    )
  })

  test('outside the hours of everybody what is not critical waits; what is critical goes to all', async () => {
    const duty = new Duty([{ id: 'all', when: {}, to: ['day', 'night'] }], { day: 'Mon-Fri 08:00-17:00', night: 'Mon-Fri 22:00-06:00' })
    duty.hear({ text: 'morning' })
    await duty.pass(10 * hour)
    duty.hear({ text: 'evening' })
    duty.hear({ text: 'fire', severity: 'critical' })
    await duty.pass(5 * hour)
    assert.deepEqual(
      duty.told.map(({ at, text, to }) => `${at / hour} ${text} ${to}`),
      ['0 morning day', '10 fire day,night', '14 evening night'],
    )
  })
})

test('a restart changes no decision: a day with one is told as the day without', async () => {
  const rules = [
    {
      id: 'level',
      when: { field: 'value > 80' },
      clearBelow: 75,
      hold: 30 * second,
      repeat: [15 * minute],
      escalate: { after: 30 * minute, to: ['night'] },
    },
    { id: 'grouped', when: { key: 'g*' }, group: { by: ['key'], wait: 30 * second, interval: 5 * minute } },
    { id: 'rest', when: {}, limit: { count: 3, spanMs: hour }, chatter: { count: 2, spanMs: 10 * minute } },
  ]
  const day = async (restarts: boolean) => {
    const duty = new Duty(rules)
    for (let i = 0; i < 240; i++) {
      duty.hear({ text: `at ${60 + ((i * 7) % 41)}`, key: 'boiler', value: 60 + ((i * 7) % 41) })
      if (i % 3 === 0) duty.hear({ text: `g ${i}`, key: `g${i % 2}` })
      if (i % 5 === 0) duty.hear(i % 2 === 0 ? raised('Door open', 'door') : cleared('Door closed', 'door'))
      if (restarts && i % 11 === 0) duty.restart()
      await duty.pass(97 * second)
      if (restarts && i % 13 === 0) duty.restart()
    }
    return duty.told
  }
  assert.deepEqual(await day(true), await day(false))
})
