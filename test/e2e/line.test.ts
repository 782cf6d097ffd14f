import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { Outpost } from '../peers/outpost.ts'
import { stop, until } from '../peers/process.ts'
import { ptyPair } from '../peers/pty.ts'
import { Station, stationSecrets } from '../peers/station.ts'

/** The straight line over real peers: a pty and mosquitto in, Postfix and Dovecot out. */
const skip = Station.missing()
let station: Station
let outpost: Outpost
let pair: ChildProcess | undefined

before(async () => {
  if (skip) return
  station = await Station.open()
  pair = await ptyPair(`${station.dir}/tty-box`, `${station.dir}/tty-plc`)
  const settings = station.settings([{ id: 'plc', kind: 'serial', path: `${station.dir}/tty-box` }])
  const gone = { id: 'gone', host: '127.0.0.1', port: 1, security: 'tls' }
  outpost = new Outpost(`${station.dir}/data`, { ...settings, relays: [gone, ...settings.relays] }, stationSecrets)
  outpost.begin()
})

after(async () => {
  if (skip) return
  await outpost?.stop()
  await stop(pair)
  await station?.close()
})

test('a line on a serial port and a message from a broker are mail in the reader’s mailbox', { skip, timeout: 90_000 }, async () => {
  await until('the gateway listens', 20_000, () => outpost.log.includes('serial: up') && outpost.log.includes('mqtt: up'))
  const line = openSync(`${station.dir}/tty-plc`, 'r+')
  writeSync(line, 'PUMP3 OVERTEMP\r\n')
  closeSync(line)
  assert.ok(station.mosquitto.publish('alerts/door', '{"id":"d-1","text":"Door öffnet","severity":"critical"}', 2))
  await until('both letters are in the mailbox', 40_000, async () => (await station.letters()).length >= 2)
  const mails = (await station.letters()).join('\n')
  assert.match(mails, /PUMP3 OVERTEMP/)
  assert.match(mails, /Door =C3=B6ffnet/)
  assert.match(mails, /^Subject: Pump station 7: CRITICAL: Door =\?UTF-8\?Q\?=C3=B6ffnet\?=/m)
  assert.match(mails, /^Received: by ps7\.example\.net \(Outpost [^)]*\) via serial/m)
})

test('disclosure of secrets (CWE-532): the log holds none', { skip }, () => {
  assert.ok(outpost.log.length > 0)
  assert.doesNotMatch(outpost.log, /smtp-secret|mqtt-secret/)
})

test('doctor walks both relays to RCPT and sends nothing (openmediavault/openmediavault#415)', { skip, timeout: 60_000 }, async () => {
  const before = (await station.letters()).length
  for (const relay of ['submission', 'smtps']) assert.match(outpost.command('doctor', '--relay', relay), /ok {4}RCPT/)
  assert.equal((await station.letters()).length, before)
})

test('while the relay is away alerts wait; killed and started again, the gateway brings each of them once, in order', {
  skip,
  timeout: 150_000,
}, async () => {
  const before = (await station.letters()).length
  station.mail.stopPostfix()
  for (let i = 1; i <= 20; i++) assert.ok(station.mosquitto.publish(`alerts/n`, `{"id":"k-${i}","text":"kill ${i}."}`, i % 2 ? 1 : 2))
  await until('all are accepted', 20_000, () => outpost.command('queue', 'list', '--json').split('\n').filter(Boolean).length === 20)
  await outpost.kill()
  assert.ok(station.mosquitto.publish('alerts/n', '{"id":"k-21","text":"kill 21."}', 2), 'the broker keeps it meanwhile')
  await station.mail.startPostfix()
  outpost.begin()
  await until('all have arrived', 90_000, async () => (await station.letters()).length >= before + 21)
  const numbers = (await station.letters()).flatMap((whole) => /kill (\d+)\./.exec(whole)?.[1] ?? [])
  assert.equal(numbers.length, new Set(numbers).size, 'each once')
  const said = (await station.letters()).find((whole) => whole.includes('kill 21.')) ?? ''
  assert.match(said, /^When: 20.* or earlier; the broker had stored it\r?$/m, 'it does not pass for one of this minute')
  assert.equal(numbers.length, 21)
  const late = station.mail
    .accepted()
    .slice(-21)
    .map((messageId) => Number(/^o(\d+)\./.exec(messageId)?.[1]))
  assert.deepEqual(
    late,
    [...late].sort((a, b) => a - b),
    'in the order in which they were accepted',
  )
})

test('SIGTERM leaves nothing behind and exits 0', { skip, timeout: 30_000 }, async () => {
  outpost.alive()
  assert.equal(await outpost.stop(), 0)
})
