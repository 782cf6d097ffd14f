import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSameSecret } from '../../src/alert/same.ts'
import { silent } from '../../src/ports/log.ts'
import type { Mail, MailInOptions } from '../../src/ports/mail-in.ts'
import { SmtpSource } from '../../src/source/smtp.ts'
import type { Taken } from '../../src/source/source.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimRandom } from '../sim/world/random.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** A mail door whose server is played by the test. */
async function door(answer: Taken, more: { allow?: string; passwords?: [string, string][] } = {}) {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'boot')
  let server: MailInOptions | undefined
  let tries = 0
  const heard: string[] = []
  const source = new SmtpSource(
    {
      id: 'lan',
      host: '0.0.0.0',
      port: 2525,
      isLmtp: false,
      name: 'ps7.example.net',
      maxBytes: 100_000,
      isAllowed: (address) => address === (more.allow ?? '192.0.2.9'),
      passwords: new Map(more.passwords ?? []),
      isKnown: (recipient) => recipient === 'ops@example.org',
      isSame: isSameSecret,
    },
    {
      listen: async (options) => {
        if (++tries === 1) throw new Error('EADDRINUSE')
        server = options
        return { port: 2525, close: async () => {} }
      },
    },
    {
      clock,
      random: new SimRandom(1),
      log: silent,
      take: async ({ bytes }) => {
        heard.push(Buffer.from(bytes).toString())
        return answer
      },
    },
  )
  source.start()
  await timeline.run(10_000)
  assert.ok(server, 'a port that was taken is tried again')
  const mail = (content: string, rest: Partial<Mail> = {}): Mail => ({
    session: { address: '192.0.2.9', isSecure: false, user: undefined, with: 'ESMTP' },
    from: 'nas@lan',
    to: ['ops@example.org'],
    content: Buffer.from(content),
    bytes: content.length,
    hasBareLineEnd: false,
    isTooLong: false,
    ...rest,
  })
  return { source, server, heard, mail, pass: (ms: number) => timeline.run(timeline.now + ms) }
}

const accepted: Taken = { kind: 'accepted', id: '7', number: 3, repeated: false }

test('250 is said with the number of the alert; a journal without room is a clear 452, and what can never be taken a 554', async () => {
  const good = await door(accepted)
  assert.deepEqual(await good.server.take(good.mail('Subject: x\r\n\r\ny')), { code: 250, text: '2.0.0 taken as lan #3' })
  assert.equal(good.heard.length, 1)
  const full = await door({ kind: 'refused', why: 'the journal is too full for an alert of severity warning', hint: '', again: true })
  assert.deepEqual(await full.server.take(full.mail('Subject: x\r\n\r\ny')), {
    code: 452,
    text: '4.3.1 the journal is too full for an alert of severity warning',
  })
  const never = await door({ kind: 'refused', why: 'nothing in it', hint: '', again: false })
  assert.equal((await never.server.take(never.mail('x'))).code, 554)
  const heartbeat = await door({ kind: 'ignored', why: 'a heartbeat' })
  assert.equal((await heartbeat.server.take(heartbeat.mail('x'))).code, 250)
})

test('SMTP smuggling and mail loops (CVE-2023-51764): smuggled and circling mails are never an alert', async () => {
  const { server, mail, heard } = await door(accepted)
  assert.equal((await server.take(mail('x', { hasBareLineEnd: true }))).code, 550)
  const own = 'Received: by ps7.example.net (Outpost 0.1.0) via serial;\r\n Wed, 25 Nov 2026 22:00:00 +0000\r\nSubject: x\r\n\r\ny'
  assert.equal((await server.take(mail(own))).code, 554)
  assert.equal((await server.take(mail(`${'Received: by x\r\n'.repeat(101)}\r\n`))).code, 554)
  assert.equal(
    (await server.take(mail('Received: by other.example (Outpost 0.1.0) via serial\r\nSubject: x\r\n\r\ny'))).code,
    250,
    'another Outpost is welcome',
  )
  assert.equal(heard.length, 1)
})

test('open relay: who may send are allowed hosts, or whoever has logged in; nobody else, and nobody too often', async () => {
  const closed = await door(accepted)
  assert.equal(closed.server.admits('198.51.100.1')?.code, 554)
  assert.equal(closed.server.login, undefined, 'without users no login is offered')
  const open = await door(accepted, { passwords: [['camera', 'see everything']] })
  const stranger = { address: '198.51.100.1', isSecure: true, user: undefined, with: 'ESMTP' }
  assert.equal(open.server.admits(stranger.address), undefined)
  assert.equal(open.server.sender(stranger)?.code, 530)
  assert.equal(open.server.login?.('camera', 'see everything', stranger.address), undefined)
  assert.equal(open.server.login?.('nobody', '', stranger.address)?.code, 535)
  for (let i = 0; i < 10; i++) open.server.login?.('camera', `guess ${i}`, '198.51.100.2')
  assert.equal(open.server.login?.('camera', 'see everything', '198.51.100.2')?.code, 454)
  await open.pass(61_000)
  assert.equal(open.server.login?.('camera', 'see everything', '198.51.100.2'), undefined)
  const user = { ...stranger, user: 'camera' }
  for (let i = 0; i < 120; i++) assert.equal(open.server.sender(user), undefined)
  assert.equal(open.server.sender(user)?.code, 451)
  await open.pass(61_000)
  assert.equal(open.server.sender(user), undefined)
})

test('open relay: recipients are those of the settings, twenty at most', async () => {
  const { server } = await door(accepted)
  assert.equal(server.recipient('ops@example.org', 0), undefined)
  assert.equal(server.recipient('victim@evil.example', 0)?.code, 550)
  assert.equal(server.recipient('ops@example.org', 20)?.code, 452)
})
