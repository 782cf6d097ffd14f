import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { connectAsync } from 'mqtt'
import { Outpost } from '../peers/outpost.ts'
import { freePort, until } from '../peers/process.ts'
import { Station, stationSecrets } from '../peers/station.ts'

/** Input that nobody should send, over a real broker and over our own: told, or passed over for a stated reason, and the next alert arrives. */
const skip = Station.missing()
let station: Station
let outpost: Outpost
let ownPort = 0

before(async () => {
  if (skip) return
  station = await Station.open()
  ownPort = await freePort()
  const settings = { ...station.settings([]), broker: { enabled: true, listen: `127.0.0.1:${ownPort}` } }
  outpost = new Outpost(`${station.dir}/data`, settings, stationSecrets)
  outpost.begin()
  await until('the gateway listens', 20_000, () => /mqtt: up/.test(outpost.log) && /embedded broker: listening/.test(outpost.log))
})

after(async () => {
  if (skip) return
  await outpost?.stop()
  await station?.close()
})

type Way = { source: string; publish(topic: string, payload: Uint8Array, qos: number): boolean }

const ways: Way[] = [
  { source: 'field', publish: (topic, payload, qos) => publish([...station.mosquitto.where], topic, payload, qos) },
  { source: 'broker', publish: (topic, payload, qos) => publish(['-h', '127.0.0.1', '-p', String(ownPort)], topic, payload, qos) },
]

/** True when the broker confirmed it. */
function publish(where: string[], topic: string, payload: Uint8Array, qos: number): boolean {
  const words = [...where, '-q', String(qos), '-t', topic, ...(payload.length === 0 ? ['-n'] : ['-s'])]
  return spawnSync('mosquitto_pub', words, { input: payload, timeout: 5000, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0
}

type Case = {
  topic: string
  /** Of its letter, when it is not the topic. */
  key?: string
  payload: Uint8Array | string
  /** What its letter says; or the reason in the log why there is none. */
  told?: RegExp
  ignored?: RegExp
  /** More than a client of our own broker may say at once: it is not confirmed. */
  tooLong?: true
}

const evil = 'Bcc: evil@example.org'
const cases: Case[] = [
  { topic: `alerts/long/${'t'.repeat(60_000)}`, payload: 'long topic', told: /^long topic$/m },
  { topic: 'alerts/utf8', payload: Buffer.from('T\xfcr \xff\xfe offen', 'latin1'), told: /^T=C3=BCr =C3=BF=C3=BE offen$/m },
  { topic: 'alerts/cut', payload: Buffer.from('Tür ö').subarray(0, -1), told: /^T=C3=BCr =EF=BF=BD$/m },
  { topic: 'alerts/octets', payload: Uint8Array.from({ length: 256 }, (_, i) => i), told: /^256 octets: 00 01 02/m },
  { topic: 'alerts/nul', payload: Buffer.alloc(3), ignored: /an empty frame/ },
  { topic: 'alerts/padded', payload: 'Pump\0\0\0stopped\0', told: /^Pump stopped$|^Pump {3}stopped$/m },
  { topic: 'alerts/crlf', payload: `first\r\n${evil}\r\n\r\n.\r\nMAIL FROM:<evil@example.org>\r\n`, told: /^first$/m },
  {
    topic: 'alerts/json',
    payload: JSON.stringify({
      key: `k\r\n${evil}`,
      text: `t\r\n.\r\n${evil}\n\n.\n`,
      id: `i\r\n${evil}`,
      [`f\r\n${evil}`]: `v\r\n${evil}`,
    }),
    key: 'k Bcc: evil@example.org',
    told: /^t$/m,
  },
  { topic: 'alerts/empty', payload: '', ignored: /an empty frame/ },
  { topic: 'alerts/large', payload: 'x'.repeat(200 * 1024), told: /^x{70,}=$/m },
  { topic: 'alerts/deep', payload: `${'['.repeat(100_000)}${']'.repeat(100_000)}`, told: /^\[{70,}=$/m },
  { topic: 'alerts/deeper', payload: `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`, told: /^X-Outpost-Key: alerts\/deeper\r?$/m },
  {
    topic: 'alerts/deepest',
    payload: `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    told: /^X-Outpost-Key: alerts\/deepest\r?$/m,
    tooLong: true,
  },
]

const headers =
  /^(Return-Path|Delivered-To|Received|From|To|Subject|Date|Message-ID|Auto-Submitted|Importance|Priority|MIME-Version|Content-Type|Content-Transfer-Encoding|X-Outpost-(Source|Number|Severity|Key))$/

/** The names of its header fields; those that stand for more than one hop may repeat. */
function namesOf(whole: string): string[] {
  const head = whole.slice(0, whole.indexOf('\r\n\r\n'))
  return head.split(/\r\n(?![ \t])/).map((field) => field.slice(0, field.indexOf(':')))
}

for (const way of ways) {
  test(`${way.source}: long, broken, deep, empty and treacherous input is told or passed over with a reason, and the next alert arrives`, {
    skip,
    timeout: 90_000,
  }, async (t) => {
    const mine = async () => (await station.letters()).filter((whole) => whole.includes(`X-Outpost-Source: ${way.source}\r\n`))
    const [pid, idle] = [outpost.pid, outpost.memory().now]
    const expected = cases.filter((one) => one.told && !(one.tooLong && way.source === 'broker'))
    for (const [index, one] of cases.entries()) {
      const confirmed = way.publish(one.topic, Buffer.from(one.payload), 1 + (index % 2))
      assert.equal(confirmed, !(one.tooLong && way.source === 'broker'), `${one.topic.slice(0, 40)} is confirmed`)
    }
    assert.ok(way.publish('alerts/next', Buffer.from('all is well again'), 1))
    await until('all that is worth a letter has one', 30_000, async () => (await mine()).length >= expected.length + 1)
    const letters = await mine()
    for (const one of expected) {
      const [letter, ...more] = letters.filter((whole) => isKey(keyOf(whole), one.key ?? one.topic))
      assert.ok(letter && more.length === 0, `one letter tells of ${one.topic.slice(0, 40)}`)
      assert.match(letter.replaceAll('\r\n', '\n'), one.told ?? /^$/)
    }
    assert.equal(letters.length, expected.length + 1, 'and no other letter came of it')
    for (const whole of letters) {
      const names = namesOf(whole)
      for (const name of names) assert.match(name, headers)
      for (const name of new Set(names))
        if (name !== 'Received') assert.equal(names.filter((other) => other === name).length, 1, `${name} stands once`)
      assert.doesNotMatch(whole, /[^\r]\n|\r(?!\n)|\0/, 'only whole line ends')
      assert.ok(
        whole.split('\r\n').every((line) => line.length <= 998),
        'lines of at most 998 octets',
      )
    }
    for (const one of cases.filter((other) => other.ignored))
      assert.match(outpost.log, new RegExp(`"source":"${way.source}","why":"${one.ignored?.source}`), `${one.topic} is passed over aloud`)
    if (way.source === 'broker') assert.match(outpost.log, /a client was dropped.*more than 262144 octets/)
    outpost.alive()
    assert.equal(outpost.pid, pid)
    const { peak } = outpost.memory()
    t.diagnostic(`memory at rest ${mib(idle)}, at most ${mib(peak)}`)
    assert.ok(peak < 256 * 1024 * 1024, `${mib(peak)}`)
  })
}

test('header injection (CWE-93): a topic with line ends, which mosquitto refuses, comes over our own broker and injects nothing', {
  skip,
  timeout: 60_000,
}, async () => {
  assert.equal(ways[0]?.publish(`alerts/a\r\n${evil}`, Buffer.from('x'), 1), false, 'or the test would say nothing of the real broker')
  const client = await connectAsync(`mqtt://127.0.0.1:${ownPort}`, { reconnectPeriod: 0 })
  await client.publishAsync(`alerts/a\r\n${evil}`, 'treacherous topic', { qos: 2 })
  await client.endAsync()
  const mine = async () => (await station.letters()).filter((whole) => /^treacherous topic\r$/m.test(whole))
  await until('it has a letter', 20_000, async () => (await mine()).length > 0)
  const [letter = '', ...more] = await mine()
  assert.equal(more.length, 0)
  for (const name of namesOf(letter)) assert.match(name, headers)
  assert.equal(keyOf(letter), `alerts/a ${evil}`)
})

test('header injection (CWE-93): nobody but the reader was ever written to', { skip }, () => {
  const log = readFileSync(`${station.mail.dir}/spool/mail.log`, 'utf8')
  assert.deepEqual([...new Set([...log.matchAll(/ to=<([^>]*)>/g)].map(([, to]) => to))], ['ops@example.org'])
})

/** As the body tells it, its lines joined again (RFC 2045 section 6.7). */
const keyOf = (whole: string): string => /^Key: +(.*)$/m.exec(whole.replace(/=\r\n/g, '').replaceAll('\r', ''))?.[1] ?? ''

const isKey = (told: string, sent: string): boolean => told === sent || (sent.length > 200 && told.startsWith(sent.slice(0, 150)))

const mib = (octets: number): string => `${(octets / 1024 / 1024).toFixed(1)} MiB`
