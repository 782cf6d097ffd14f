import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Answers } from '../../src/gateway/answers.ts'
import { SeenMail } from '../../src/settings/seen-mail.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimNet } from '../sim/world/net.ts'
import { Timeline } from '../sim/world/timeline.ts'
import type { ServerEnd } from '../sim/world/wire.ts'
import { Box } from './box.ts'

/** As a network hands it over. */
const pieces = (text: string): string[] => text.match(/.{1,65536}/gs) ?? []

/** A mailbox on the timeline that holds these mails; `silent`: it says nothing after the password. */
const mailbox = (mails: readonly string[], silent: boolean, tops: number[] = []) => ({
  serve(end: ServerEnd): void {
    end.send('+OK here\r\n')
    end.onData = (octets) => {
      const [verb = '', argument = ''] = Buffer.from(octets).toString('latin1').trim().split(' ')
      if (silent && verb === 'UIDL') return
      if (verb === 'TOP') tops.push(Number(argument))
      if (verb === 'UIDL')
        for (const piece of pieces(`+OK\r\n${mails.map((_, at) => `${at + 1} uid-${at + 1}\r\n`).join('')}.\r\n`)) end.send(piece)
      else if (verb === 'TOP') for (const piece of pieces(`+OK\r\n${mails[Number(argument) - 1] ?? ''}\r\n.\r\n`)) end.send(piece)
      else end.send('+OK\r\n')
    }
  },
})

const report = [
  'From: MAILER-DAEMON@example.org',
  'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
  '',
  '--b',
  'Content-Type: message/delivery-status',
  '',
  'Reporting-MTA: dns; far.example.org',
  '',
  'Final-Recipient: rfc822; ops@example.org',
  'Action: failed',
  'Status: 5.1.1',
  'Diagnostic-Code: smtp; 550 no such user',
  '',
  '--b',
  'Content-Type: text/rfc822-headers',
  '',
  'Message-ID: <o7.ps7@example.org>',
  '',
  '--b--',
].join('\r\n')

async function boxWith(mails: readonly string[], { silent = false, noticesFail = 0 } = {}) {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'boot')
  const net = new SimNet(timeline, mailbox([], false))
  const tops: number[] = []
  net.place('mail.example.org', 110, mailbox(mails, silent, tops))
  const lines: string[] = []
  const bounces: number[] = []
  let failing = noticesFail
  const answers = new Answers({
    net,
    clock,
    log: (_level, event, facts) => void lines.push(`${event} ${JSON.stringify(facts ?? {})}`),
    account: { host: 'mail.example.org', port: 110, security: 'none', user: 'u', password: 'p', trust: {} },
    everyMs: 60_000,
    key: new Uint8Array(32),
    deviceId: 'ps7',
    people: [],
    seen: await SeenMail.open(new SimDisk(), '/data'),
    isLinkUp: () => true,
    situationsOf: () => [],
    acknowledge: async () => false,
    silence: async () => {},
    tellState: async () => {},
    tellLimits: async () => {},
    bounced: async (id) => {
      bounces.push(id)
      return failing-- <= 0
    },
  })
  return { timeline, answers, lines, bounces, tops }
}

test('a mailbox that says nothing holds the end of the box up for two seconds at most', async () => {
  const { timeline, answers } = await boxWith([], { silent: true })
  answers.start()
  await timeline.run(5000)
  let stoppedAt: number | undefined
  void answers.stop().then(() => {
    stoppedAt = timeline.now
  })
  await timeline.run(8000)
  assert.ok(stoppedAt !== undefined && stoppedAt - 5000 <= 2000, `stopped at ${stoppedAt}`)
})

test('a report whose notice could not be written is looked at again, and then no more', async () => {
  const { timeline, answers, lines, bounces } = await boxWith([report], { noticesFail: 1 })
  answers.start()
  await timeline.run(30_000)
  assert.deepEqual(bounces, [7])
  assert.ok(lines.some((line) => line.includes('The notice about letter 7 could not be written')))
  await timeline.run(300_000)
  assert.deepEqual(bounces, [7, 7])
  await answers.stop()
})

test('a mail too long to be looked at does not hide the one behind it', async () => {
  const { timeline, answers, lines, bounces } = await boxWith([`Subject: ${'x'.repeat(600 * 1024)}`, report])
  answers.start()
  await timeline.run(200_000)
  assert.equal(lines.filter((line) => line.includes('more than')).length, 1)
  assert.deepEqual(bounces, [7])
  await answers.stop()
})

test('in a mailbox that nobody tidies what is new is found, nothing is looked at twice, and the log says what to do', async () => {
  const mails = Array.from({ length: 6000 }, (_, at) => `Subject: old ${at}`)
  const { timeline, answers, lines, bounces, tops } = await boxWith(mails)
  answers.start()
  await timeline.run(40 * 60_000)
  assert.equal(tops.length, 4000, 'the newest, each once')
  assert.equal(lines.filter((line) => /archive or delete old mail.*6000/.test(line)).length, 1)
  mails.push(report)
  await timeline.run(timeline.now + 5 * 60_000)
  assert.deepEqual(bounces, [7])
  assert.deepEqual(tops.slice(4000), [6001, 6001], 'its header, and then all of it')
  await answers.stop()
})

const minute = 60_000

/** A box whose mailbox is looked at every minute, with a line from which `raise` comes, and people who answer. */
class Answered {
  readonly box: Box
  readonly #mails: string[] = []

  constructor(rule: object, more: object = {}) {
    this.box = new Box(7, {
      sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0', acknowledge: 'line' }],
      people: [
        { id: 'ops', name: 'Ops', address: 'ops@example.org' },
        { id: 'night', name: 'Night', address: 'night@example.org' },
      ],
      rules: [{ id: 'all', to: ['ops'], ...rule }],
      answers: { host: '127.0.0.1', port: 110, security: 'none', user: 'u', password: { secret: 'pop' }, every: '1m' },
      ...more,
    })
  }

  async boot(): Promise<this> {
    await this.box.boot()
    this.place()
    return this
  }

  /** The mailbox on the net of this life. */
  place(): void {
    this.box.net.place('127.0.0.1', 110, mailbox(this.#mails, false))
  }

  raise(key: string, more: object = {}): void {
    this.box.say(JSON.stringify({ key, state: 'raised', text: `Leak in ${key}`, ...more }))
  }

  /** Letters to this person whose subject or text has these words, oldest first. */
  letters(to: string, words: RegExp): string[] {
    return this.box.relay.taken.flatMap((one) => (one.to.includes(`${to}@example.org`) && words.test(one.content) ? [one.content] : []))
  }

  /** This person answers a letter, and the box looks. */
  async answer(from: string, letter: string | undefined, body: string): Promise<void> {
    const code = /\[#(o\d+-[a-z2-7]{8})\]/.exec(letter ?? '')?.[1]
    assert.ok(code, 'there is such a letter, with a code')
    const head = [`From: ${from}@example.org`, `Subject: Re: [#${code}]`, `Message-ID: <answer-${this.#mails.length}@example.org>`]
    this.#mails.push([...head, '', body].join('\r\n'))
    await this.box.pass(2 * minute)
  }

  acknowledged(): string[] {
    return this.box.gateway.desk.alerts().active.map(({ key, acknowledgedBy }) => `${key} ${acknowledgedBy ?? '-'}`)
  }
}

const lasting = { hold: '1m', repeat: ['10m'], escalate: { after: '15m', to: ['night'] } }

test('whoever was escalated to may acknowledge by that letter', async () => {
  const one = await new Answered(lasting).boot()
  one.raise('pit')
  await one.box.pass(18 * minute)
  await one.answer('night', one.letters('night', /Leak in pit/)[0], 'ACK')
  assert.deepEqual(one.acknowledged(), ['pit Night'])
})

test('the first letter may be answered after a reminder, also when the power went between them', async () => {
  const one = await new Answered({ ...lasting, escalate: undefined }).boot()
  one.raise('pit')
  await one.box.pass(25 * minute)
  const [first, ...reminders] = one.letters('ops', /Leak in pit/)
  assert.equal(reminders.length, 2)
  await one.box.powerCut()
  one.place()
  await one.answer('ops', first, 'SILENCE 2h')
  const [silence] = one.box.gateway.desk.alerts().silences
  assert.deepEqual([silence?.match, silence?.by], [{ source: 'plc', key: 'pit' }, 'Ops'])
})

test('an answer to a summary is for each alert that it told and that is still raised', async () => {
  const one = await new Answered({ group: { by: ['severity'], wait: '2m' } }).boot()
  for (const key of ['pit', 'shed', 'yard']) one.raise(key)
  await one.box.pass(4 * minute)
  one.raise('roof')
  one.box.say(JSON.stringify({ key: 'shed', state: 'cleared', text: 'Shed is dry' }))
  await one.box.pass(minute)
  const [summary] = one.letters('ops', /3 alerts/)
  await one.answer('ops', summary, 'ACK')
  assert.deepEqual(one.acknowledged(), ['pit Ops', 'yard Ops', 'roof -'])
  await one.answer('ops', summary, 'SILENCE')
  assert.deepEqual(
    one.box.gateway.desk.alerts().silences.map(({ match }) => match.key),
    ['pit', 'yard'],
  )
})

test('an answer to the digest after an outage is for each alert in it', async () => {
  const one = await new Answered({}, { delivery: { digest: { from: 2 } } }).boot()
  one.box.away()
  for (const key of ['pit', 'shed']) one.raise(key)
  await one.box.pass(30 * minute)
  one.box.back()
  await one.box.pass(5 * minute)
  await one.answer('ops', one.letters('ops', /2 alerts after an outage/)[0], 'ACK')
  assert.deepEqual(one.acknowledged(), ['pit Ops', 'shed Ops'])
})

test('whoever answers what is over is told so, once for each answer', async () => {
  const one = await new Answered({}).boot()
  one.raise('pit')
  await one.box.pass(minute)
  const [letter] = one.letters('ops', /Leak in pit/)
  one.box.say(JSON.stringify({ key: 'pit', state: 'cleared', text: 'Pit is dry' }))
  one.raise('pit', { text: 'Leak again' })
  await one.box.pass(minute)
  await one.answer('ops', letter, 'ACK')
  await one.answer('ops', letter, 'SILENCE 1h')
  await one.box.pass(10 * minute)
  assert.deepEqual(one.acknowledged(), ['pit -'], 'what came later is another thing')
  assert.equal(one.letters('ops', /is over already, or is not known any more/).length, 2)
  assert.deepEqual(one.box.gateway.desk.alerts().silences, [])
})

test('a letter that tells many silences the worst of them, and whoever asked for it is told that the others go on', async () => {
  const one = await new Answered({ group: { by: ['state'], wait: '5m' } }).boot()
  for (let i = 0; i < 20; i++) {
    one.raise(`p${i}`, i === 19 ? { severity: 'critical' } : {})
    await one.box.pass(1000)
  }
  await one.box.pass(8 * minute)
  await one.answer('ops', one.letters('ops', /20 alerts/)[0], 'SILENCE')
  const keys = one.box.gateway.desk.alerts().silences.map(({ match }) => match.key)
  assert.deepEqual([keys.length, keys[0], keys[1]], [16, 'p19', 'p0'])
  assert.equal(one.letters('ops', /silenced 16 alerts/).length, 1)
})
