import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import type { Alert } from '../../src/alert/alert.ts'
import { compose, type LetterFacts } from '../../src/mail/compose.ts'
import type { Letter } from '../../src/mail/letter.ts'
import { instant, monotonic } from '../../src/ports/clock.ts'
import { nodePorts } from '../../src/ports/node.ts'
import { fly } from '../../src/relay/flight.ts'
import type { Outcome } from '../../src/relay/outcome.ts'
import type { RelayOptions } from '../../src/relay/relay.ts'
import { knownAt, learned, type Skill, type Traits, unknownTraits } from '../../src/relay/traits.ts'
import { makeCertificates } from '../peers/certificates.ts'
import { EximRelay } from '../peers/exim.ts'
import { OpensmtpdRelay } from '../peers/opensmtpd.ts'
import { notUnpacked } from '../peers/package.ts'
import { PlainRelay } from '../peers/plain-relay.ts'
import { account, type Door, PostfixRelay } from '../peers/postfix.ts'
import { freePort, missing, until } from '../peers/process.ts'

/**
 * A backlog of 50 letters through real relays of every kind that is met, half of it on a first flight that finds out what the relay takes, half
 * on a second one that knows: each letter arrives once, in order, with the octets that were composed. What a relay takes goes on to a small
 * server here, which keeps what came.
 */
const skip =
  missing('postfix', 'dovecot', 'openssl', 'unshare') ||
  notUnpacked('exim4-daemon-light', 'opensmtpd') ||
  (process.getuid?.() === 0 ? false : 'Postfix and mounts need root')
const count = 50
const { net, clock, random } = nodePorts({ level: 'error' })
const dir = mkdtempSync(`${tmpdir()}/outpost-relays-`)
chmodSync(dir, 0o755)
let tls = { ca: '', cert: '', key: '' }
const sink = new PlainRelay({ offers: ['PIPELINING', '8BITMIME'] })
let sinkPort = 0

before(async () => {
  if (skip) return
  tls = makeCertificates(dir)
  sinkPort = await freePort()
  await sink.start(sinkPort)
})

after(async () => {
  await sink.stop()
  rmSync(dir, { recursive: true, force: true })
})

/** What is in an alert's text ends up in a letter's lines: dots, long lines, other alphabets, and what looks like the protocol. */
const texts = [
  'Door open.',
  '.\r\n..\r\n.leading dots',
  'Pumpe 3 überhitzt: 81 °C 😀',
  'RSET\r\nQUIT\r\n.\r\nMAIL FROM:<x@example.org>',
  `${'long '.repeat(400)}end`,
  'x'.repeat(3000),
  'From here on it is dark',
  '=3D = equals =\r\n--\r\n',
]

/** Each has a recipient of its own, so that a relay's log tells it from the others. */
function lettersFor(relay: string): Letter[] {
  const at = instant(Date.UTC(2026, 10, 24, 3, 12))
  return Array.from({ length: count }, (_, index) => {
    const id = index + 1
    const alert: Alert = {
      source: 'plc',
      number: id,
      state: 'event',
      severity: 'warning',
      text: texts[index % texts.length] ?? '',
      to: ['ops'],
      stamp: { wall: at, mono: monotonic(1), boot: 'b', synchronised: 'yes' },
    }
    const facts: LetterFacts = {
      id,
      deviceId: relay,
      site: { name: 'Pump station 7', domain: 'ps7.example.org', timeZone: 'Europe/Berlin', language: 'en' },
      from: { name: 'Pump station 7', address: 'ps7@example.org' },
      to: [{ name: 'Ops', address: 'ops@example.org' }],
      envelopeTo: [`ops+${relay}-${id}@example.org`],
      when: { at, certainty: 'exact' },
      composedAt: at,
      via: 'serial',
      software: 'Outpost 0',
    }
    return compose(alert, facts)
  })
}

type Settled = { letter: number; outcome: Outcome }

/** Two flights on one line each; every recipient's outcome, in the order in which they came, and what was learned. */
async function send(relay: RelayOptions, letters: readonly Letter[]): Promise<{ settled: Settled[]; traits: Traits }> {
  const settled: Settled[] = []
  let traits = unknownTraits
  let given = 0
  for (const upTo of [letters.length / 2, letters.length]) {
    const { fault } = await fly(net, clock, random, relay, {
      next: async () => (given < upTo ? letters[given++] : undefined),
      settle: (letter, _to, outcome) => void settled.push({ letter, outcome }),
      known: knownAt(traits, clock.wall()),
      learn: (skill, good) => {
        traits = learned(traits, skill, good, clock.wall())
      },
    })
    assert.equal(fault, undefined, fault?.why)
  }
  return { settled, traits }
}

/** Mail headers that relays put in front (RFC 5321 section 4.4), with their further lines. */
const trace = /^(?:(?:Return-Path|Received|Delivered-To|Envelope-to|Delivery-date):[^\n]*\r\n(?:[ \t][^\n]*\r\n)*)*/i

const inOrder = Array.from({ length: count }, (_, index) => index + 1)

/**
 * Sends a backlog by way of a relay and looks at what came of it. `accepted`: the relay's own word, Message-IDs or recipients. `takes`: what the
 * first flight must have found out about it, so that it is known which way the letters went.
 */
async function everyLetterArrives(name: string, relay: RelayOptions, accepted: () => string[], takes: readonly Skill[]): Promise<void> {
  const letters = lettersFor(name)
  const { settled, traits } = await send(relay, letters)
  assert.deepEqual(
    settled.map((one) => one.letter).sort((a, b) => a - b),
    inOrder,
    'every letter is settled once',
  )
  for (const { outcome } of settled) assert.equal(outcome.kind, 'delivered', 'why' in outcome ? outcome.why : '')
  const shown = Object.fromEntries(Object.entries(traits.skills).map(([skill, { good }]) => [skill, good]))
  assert.deepEqual(shown, Object.fromEntries(takes.map((skill) => [skill, true])), 'what it takes')
  const came = () => sink.letters.filter((letter) => letter.to.some((to) => to.startsWith(`ops+${name}-`)))
  await until(`${name} has passed on ${count} letters`, 60_000, () => came().length >= count)
  const numberOf = (word: string) => letters.find((letter) => letter.messageId === word || letter.to[0] === word)?.id
  assert.deepEqual(
    accepted().flatMap((word) => numberOf(word) ?? []),
    inOrder,
    'the relay took them once and in order',
  )
  const byRecipient = new Map(came().map((letter) => [letter.to.join(), letter]))
  assert.equal(came().length, count, 'each came once')
  for (const letter of letters) {
    const { from, content } = byRecipient.get(letter.to.join()) ?? { from: '', content: '' }
    const composed = Buffer.from(letter.content).toString('latin1')
    assert.equal(from, letter.from)
    assert.ok(content.endsWith(composed), `the octets of letter ${letter.id}`)
    assert.equal(content.slice(0, -composed.length).replace(trace, ''), '', 'and nothing in front but what relays put there')
  }
}

const relayOf = (id: string, port: number, security: RelayOptions['security'], login: boolean): RelayOptions => ({
  id,
  host: 'localhost',
  port,
  security,
  ...(security === 'none' ? {} : { ca: readFileSync(tls.ca, 'utf8') }),
  auth: login ? { kind: 'password', ...account } : { kind: 'none' },
  ehlo: 'ps7.example.org',
})

const everything = ['pipelining', 'chunking', 'together'] as const
const doors: readonly (Omit<Door, 'port'> & { name: string; what: string; takes: readonly Skill[] })[] = [
  { name: 'chunking', what: 'Postfix over implicit TLS', security: 'tls', takes: everything },
  { name: 'starttls', what: 'Postfix over STARTTLS', security: 'starttls', takes: everything },
  { name: 'data', what: 'Postfix without CHUNKING', security: 'tls', without: 'chunking', takes: ['pipelining', 'together'] },
  { name: 'nopipe', what: 'Postfix without PIPELINING', security: 'tls', without: 'pipelining', takes: [] },
  { name: 'steps', what: 'Postfix without CHUNKING and PIPELINING', security: 'tls', without: 'chunking, pipelining', takes: [] },
]

test(`${count} letters through Postfix, whatever it offers, arrive once, in order, octet by octet`, {
  skip,
  timeout: 300_000,
}, async (t) => {
  const ports = new Map<string, number>()
  for (const { name } of doors) ports.set(name, await freePort())
  const portOf = (name: string) => ports.get(name) ?? 0
  mkdirSync(`${dir}/postfix`)
  const postfix = new PostfixRelay(`${dir}/postfix`, {
    address: '127.0.0.1',
    doors: doors.map((door) => ({ ...door, port: portOf(door.name) })),
    onward: `smtp:[127.0.0.1]:${sinkPort}`,
    tls,
  })
  try {
    await postfix.start()
    for (const { name, what, security, takes } of doors)
      await t.test(what, () => everyLetterArrives(name, relayOf(name, portOf(name), security, true), () => postfix.accepted(), takes))
  } finally {
    await postfix.stop()
  }
})

test(`${count} letters through Exim arrive once, in order, octet by octet`, { skip, timeout: 120_000 }, async () => {
  const port = await freePort()
  const exim = new EximRelay(`${dir}/exim`, port, sinkPort, tls)
  try {
    await exim.start()
    await everyLetterArrives('exim', relayOf('exim', port, 'tls', true), () => exim.accepted(), everything)
  } finally {
    await exim.stop()
  }
})

test(`${count} letters through OpenSMTPD arrive once, in order, octet by octet`, { skip, timeout: 120_000 }, async () => {
  const port = await freePort()
  const opensmtpd = new OpensmtpdRelay(`${dir}/opensmtpd`, port, sinkPort)
  try {
    await opensmtpd.start()
    await everyLetterArrives('opensmtpd', relayOf('opensmtpd', port, 'none', false), () => opensmtpd.accepted(), [])
  } finally {
    await opensmtpd.stop()
  }
})

test(`${count} letters to a server that knows HELO only arrive once, in order, octet by octet`, { timeout: 60_000 }, async () => {
  const port = await freePort()
  const old = new PlainRelay()
  await old.start(port)
  try {
    const letters = lettersFor('helo')
    const { settled } = await send(relayOf('helo', port, 'none', false), letters)
    assert.deepEqual(
      settled.map(({ letter, outcome }) => [letter, outcome.kind]),
      inOrder.map((id) => [id, 'delivered']),
    )
    assert.deepEqual(
      old.letters,
      letters.map(({ from, to, content }) => ({ from, to, content: Buffer.from(content).toString('latin1') })),
    )
  } finally {
    await old.stop()
  }
})
