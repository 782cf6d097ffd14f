import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Answers } from '../../src/gateway/answers.ts'
import { SeenMail } from '../../src/settings/seen-mail.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimNet } from '../sim/world/net.ts'
import { Timeline } from '../sim/world/timeline.ts'
import type { ServerEnd } from '../sim/world/wire.ts'

/** As a network hands it over. */
const pieces = (text: string): string[] => text.match(/.{1,65536}/gs) ?? []

/** A mailbox on the timeline that holds these mails; `silent`: it says nothing after the password. */
const mailbox = (mails: readonly string[], silent: boolean) => ({
  serve(end: ServerEnd): void {
    end.send('+OK here\r\n')
    end.onData = (octets) => {
      const [verb = '', argument = ''] = Buffer.from(octets).toString('latin1').trim().split(' ')
      if (silent && verb === 'UIDL') return
      if (verb === 'UIDL') end.send(`+OK\r\n${mails.map((_, at) => `${at + 1} uid-${at + 1}\r\n`).join('')}.\r\n`)
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
  net.place('mail.example.org', 110, mailbox(mails, silent))
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
    situationOf: () => undefined,
    acknowledge: async () => false,
    silence: async () => {},
    tellState: async () => {},
    bounced: async (id) => {
      bounces.push(id)
      return failing-- <= 0
    },
  })
  return { timeline, answers, lines, bounces }
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
