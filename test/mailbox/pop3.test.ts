import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Drop } from '../../src/mailbox/drop.ts'
import { deliver } from '../../src/mailbox/maildir.ts'
import { servePop3 } from '../../src/mailbox/pop3.ts'
import { silent } from '../../src/ports/log.ts'
import type { ServedWire } from '../../src/ports/serve.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** A dialogue as a client would have it: `C:` is said, `S:` must come; `S: *` is anything in one line. */
class Client implements ServedWire {
  readonly peer = 'client'
  readonly address: string
  tls: ServedWire['tls']
  said = ''
  #waiting: Uint8Array[] = []
  #wake: (() => void) | undefined
  #closed = false
  isWelcome = false

  constructor(address: string, isSecure: boolean) {
    this.address = address
    this.tls = isSecure ? { protocol: 'TLSv1.3', cipher: 'x', resumed: false, chain: [] } : undefined
  }

  say(octets: string): void {
    this.#waiting.push(Buffer.from(octets))
    this.#wake?.()
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#waiting.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#waiting.shift()
  }

  async write(octets: Uint8Array): Promise<void> {
    this.said += Buffer.from(octets).toString('latin1')
  }

  async startTls(): Promise<void> {
    assert.fail('it is the server')
  }

  async serveTls(): Promise<void> {
    this.tls = { protocol: 'TLSv1.3', cipher: 'x', resumed: false, chain: [] }
  }

  welcome(): void {
    this.isWelcome = true
  }

  close(): void {
    this.#closed = true
    this.#wake?.()
  }
}

const mail = (subject: string, body: string) => Buffer.from(`Subject: ${subject}\r\nFrom: box\r\n\r\n${body}`)

async function site() {
  const disk = new SimDisk()
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'boot')
  await deliver(disk, 'mailbox', 'operator', '10.O1.aa', mail('one', 'first\r\n.dot\r\n..two dots\r\nlast\r\n'))
  await deliver(disk, 'mailbox', 'operator', '10.O10.aa', mail('three', 'x\r\n'))
  await deliver(disk, 'mailbox', 'operator', '10.O2.aa', mail('two', 'no end of line'))
  const busy = new Set<string>()
  const wrong: string[] = []
  let waitMs = 0
  const sizes = new Map<string, number>()
  const connect = (address = '192.0.2.50', isSecure = true) => {
    const wire = new Client(address, isSecure)
    const done = servePop3(wire, {
      clock,
      log: silent,
      key: { key: '', cert: '' },
      passwordOf: (user) => (user === 'operator' ? 'pa ss' : undefined),
      open: async (user) => {
        if (busy.has(user)) return undefined
        busy.add(user)
        return { drop: await Drop.open(disk, 'mailbox', user, sizes), close: () => void busy.delete(user) }
      },
      guesses: { waitMs: () => waitMs, failed: (from) => void wrong.push(from), passed: () => {} },
    })
    return { wire, done }
  }
  return { connect, disk, timeline, wrong, sizes, slow: (ms: number) => (waitMs = ms) }
}

/** Plays a dialogue; resolves when it is over. */
async function play({ wire, done }: { wire: Client; done: Promise<void> }, script: string): Promise<void> {
  for (const line of script.split('\n').map((one) => one.trim())) {
    if (line === '') continue
    if (line.startsWith('C: ')) wire.say(`${line.slice(3)}\r\n`)
    else {
      const wanted = line.slice(3)
      for (let turns = 0; turns < 500 && !wire.said.includes('\r\n'); turns++) await new Promise((resolve) => setImmediate(resolve))
      const end = wire.said.indexOf('\r\n')
      const got = wire.said.slice(0, Math.max(0, end))
      wire.said = wire.said.slice(end + 2)
      if (wanted !== '*') assert.equal(got, wanted, script)
    }
  }
  wire.close()
  await done
}

const login = `
  S: +OK Outpost
  C: USER operator
  S: +OK
  C: PASS pa ss
  S: +OK 3 messages`

test('headers are looked at, one message is fetched, and what was deleted goes only at QUIT', async () => {
  const { connect, disk } = await site()
  await play(
    connect(),
    `${login}
    C: STAT
    S: *
    C: UIDL
    S: +OK
    S: 1 10.O1.aa
    S: 2 10.O2.aa
    S: 3 10.O10.aa
    S: .
    C: TOP 1 0
    S: +OK
    S: Subject: one
    S: From: box
    S:
    S: .
    C: TOP 1 2
    S: +OK
    S: Subject: one
    S: From: box
    S:
    S: first
    S: ..dot
    S: .
    C: RETR 1
    S: +OK
    S: Subject: one
    S: From: box
    S:
    S: first
    S: ..dot
    S: ...two dots
    S: last
    S: .
    C: RETR 2
    S: +OK
    S: Subject: two
    S: From: box
    S:
    S: no end of line
    S: .
    C: DELE 2
    S: +OK
    C: RETR 2
    S: -ERR there is no such message
    C: LIST 2
    S: -ERR there is no such message`.replaceAll('S:\n', 'S: \n'),
  )
  assert.equal((await disk.list('mailbox/operator/new')).length, 3, 'the line broke before QUIT')
  await play(
    connect(),
    `${login}
    C: RETR 1
    S: +OK
    S: *
    S: *
    S: *
    S: *
    S: *
    S: *
    S: *
    S: .
    C: DELE 3
    S: +OK
    C: QUIT
    S: +OK`,
  )
  assert.deepEqual(await disk.list('mailbox/operator/new'), ['10.O2.aa'])
  assert.deepEqual(await disk.list('mailbox/operator/cur'), ['10.O1.aa:2,S'])
  await play(
    connect(),
    `S: +OK Outpost
    C: AUTH PLAIN ${Buffer.from('\0operator\0pa ss').toString('base64')}
    S: +OK 2 messages
    C: UIDL 1
    S: +OK 1 10.O1.aa
    C: LIST
    S: +OK
    S: 1 58
    S: 2 41
    S: .
    C: QUIT
    S: +OK`,
  )
})

test('password in clear (CWE-319): none is taken over a line that others hear; after STLS it is', async () => {
  const { connect, wrong } = await site()
  const plain = connect('192.0.2.50', false)
  await play(
    plain,
    `S: +OK Outpost
    C: CAPA
    S: +OK
    S: TOP
    S: UIDL
    S: RESP-CODES
    S: AUTH-RESP-CODE
    S: PIPELINING
    S: STLS
    S: IMPLEMENTATION Outpost
    S: .
    C: USER operator
    S: -ERR [AUTH] say STLS first: a password would be heard by others
    C: PASS pa ss
    S: -ERR [AUTH] say STLS first: a password would be heard by others
    C: STLS
    S: +OK
    C: USER operator
    S: +OK
    C: PASS wrong
    S: -ERR [AUTH] name or password is wrong
    C: PASS pa ss
    S: +OK 3 messages`,
  )
  assert.deepEqual(wrong, ['192.0.2.50'])
  const near = connect('127.0.0.1', false)
  await play(near, login)
})

test('STARTTLS command injection (CVE-2011-0411): commands behind STLS in one piece are not taken (RFC 2595 section 4)', async () => {
  const { connect } = await site()
  const one = connect('192.0.2.50', false)
  one.wire.say('STLS\r\nUSER operator\r\nPASS pa ss\r\n')
  await play(one, 'S: +OK Outpost\nS: -ERR commands behind STLS are not taken')
  assert.ok(!one.wire.said.includes('messages'))
})

test('brute force (CWE-307): a mailbox has one reader at a time, guesses have to wait, and nonsense ends the session', async () => {
  const { connect, slow } = await site()
  const first = connect()
  first.wire.say('USER operator\r\nPASS pa ss\r\n')
  await play(connect(), 'S: +OK Outpost\nC: USER operator\nS: +OK\nC: PASS pa ss\nS: -ERR [IN-USE] another session has this mailbox')
  first.wire.close()
  await first.done
  slow(4200)
  await play(connect(), 'S: +OK Outpost\nC: USER operator\nS: +OK\nC: PASS pa ss\nS: -ERR [SYS/TEMP] wait 5 s before the next try')
  slow(0)
  const noise = connect()
  for (let i = 0; i < 12; i++) noise.wire.say('\u0000\u0001<script> x\r\n')
  await noise.done
  const long = connect()
  long.wire.say('x'.repeat(100_000))
  await long.done
  assert.match(long.wire.said, /-ERR the line is too long/)
})

test('resource exhaustion (CWE-400): a stranger who says nothing is cut off after ten minutes', async () => {
  const { connect, timeline } = await site()
  const silentOne = connect()
  await timeline.run(timeline.now + 601_000)
  await silentOne.done
})

test('resource exhaustion (CWE-400): a stranger who says something again and again, or takes no answer, is cut off after ten minutes, too', async () => {
  const { connect, timeline } = await site()
  const talker = connect()
  const deaf = connect()
  deaf.wire.write = () => new Promise<void>((_, reject) => timeline.at(610_000, () => reject(new Error('closed'))))
  const reader = connect()
  reader.wire.say('USER operator\r\nPASS pa ss\r\n')
  for (let i = 0; i < 121; i++) {
    talker.wire.say('CAPA\r\n')
    if (i % 50 === 0) reader.wire.say('NOOP\r\n')
    await timeline.run(timeline.now + 5000)
  }
  await talker.done
  await deaf.done
  assert.ok(!talker.wire.isWelcome && reader.wire.isWelcome)
  reader.wire.said = ''
  await play(reader, 'C: STAT\nS: +OK 3 131')
})

test('what is known of the sizes of mails goes with the mails', async () => {
  const { connect, disk, sizes } = await site()
  await play(connect(), `${login}\nC: DELE 1\nS: +OK\nC: QUIT\nS: +OK`)
  sizes.set('other/1.O1.aa', 1)
  await disk.remove('mailbox/operator/new/10.O2.aa')
  await play(connect(), 'S: +OK Outpost\nC: USER operator\nS: +OK\nC: PASS pa ss\nS: +OK 1 messages')
  assert.deepEqual([...sizes.keys()], ['operator/10.O10.aa', 'other/1.O1.aa'])
})
