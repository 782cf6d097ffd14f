import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { makeCertificates } from '../peers/certificates.ts'
import { MailServer } from '../peers/mail.ts'
import { Mosquitto } from '../peers/mosquitto.ts'
import { readAll } from '../peers/pop3.ts'
import { freePort, missing, run, sleep, start, stop, until } from '../peers/process.ts'
import { serialSensor } from '../peers/sensor.ts'
import { SimRandom } from '../sim/world/random.ts'

/** The straight line over real peers: a pty and mosquitto in, Postfix and Dovecot out. */
const root = new URL('../..', import.meta.url).pathname
const skip =
  missing('mosquitto', 'mosquitto_pub', 'postfix', 'dovecot', 'socat', 'openssl') ||
  (process.getuid?.() === 0 ? false : 'Postfix needs root')
const dir = mkdtempSync(`${tmpdir()}/outpost-e2e-`)
chmodSync(dir, 0o755)
const data = `${dir}/data`
let mail: MailServer
let mosquitto: Mosquitto
let gateway: ChildProcess | undefined
let socat: ChildProcess | undefined
let ca = ''
let log = ''

const begin = () => {
  gateway = spawn(`${root}/bin/outpost`, ['run', '--data', data], { stdio: ['ignore', 'ignore', 'pipe'] })
  gateway.stderr?.on('data', (bytes) => {
    log += bytes
  })
}
const texts = async () =>
  (await readAll(mail.ports.pop3, 'ops@example.org', 'pop-secret'))
    .map((whole) => /^X-Outpost-Number: (\d+)/m.exec(whole)?.[1] && whole)
    .filter((whole) => whole !== undefined)

before(async () => {
  if (skip) return
  const tls = makeCertificates(dir)
  ca = tls.ca
  mkdirSync(`${dir}/mail`)
  mkdirSync(`${dir}/mqtt`)
  const ports = {
    submission: await freePort(),
    smtps: await freePort(),
    lmtp: await freePort(),
    auth: await freePort(),
    pop3: await freePort(),
  }
  mail = new MailServer(`${dir}/mail`, ports, tls)
  mosquitto = new Mosquitto(`${dir}/mqtt`, await freePort(), tls)
  await mail.start()
  await mosquitto.start()
  socat = start('socat', [`pty,raw,echo=0,link=${dir}/tty-box`, `pty,raw,echo=0,link=${dir}/tty-plc`])
  await until('the pty pair is there', 5000, () => {
    try {
      closeSync(openSync(`${dir}/tty-plc`, 'r+'))
      return true
    } catch {
      return false
    }
  })
  mkdirSync(data)
  const auth = { kind: 'password', user: 'ps7@example.org', password: { secret: 'relay:isp' } }
  writeFileSync(
    `${data}/settings.json`,
    JSON.stringify({
      site: { name: 'Pump station 7', domain: 'ps7.example.net' },
      broker: { enabled: false },
      people: [{ id: 'ops', name: 'Ops', address: 'ops@example.org' }],
      mail: { from: 'Pump station 7 <ps7@example.org>' },
      sources: [
        { id: 'plc', kind: 'serial', path: `${dir}/tty-box` },
        {
          id: 'field',
          kind: 'mqtt',
          url: `mqtts://localhost:${mosquitto.port}`,
          username: 'ps7',
          password: { secret: 'mqtt' },
          ca,
          qos: 2,
          version: 5,
        },
      ],
      relays: [
        { id: 'gone', host: '127.0.0.1', port: 1, security: 'tls' },
        { id: 'submission', host: 'localhost', port: ports.submission, security: 'starttls', auth, ca },
        { id: 'smtps', host: 'localhost', port: ports.smtps, security: 'tls', auth, ca },
      ],
    }),
  )
  writeFileSync(`${data}/secrets.json`, JSON.stringify({ 'relay:isp': 'smtp-secret', mqtt: 'mqtt-secret' }), { mode: 0o600 })
  begin()
})

after(async () => {
  if (skip) return
  await stop(gateway)
  await stop(socat)
  await mosquitto?.stop()
  await mail?.stop()
  rmSync(dir, { recursive: true, force: true })
})

test('a line on a serial port and a message from a broker are mail in the reader’s mailbox', { skip, timeout: 90_000 }, async () => {
  await until('the gateway listens', 20_000, () => log.includes('serial: up') && log.includes('mqtt: up'))
  const line = openSync(`${dir}/tty-plc`, 'r+')
  writeSync(line, 'PUMP3 OVERTEMP\r\n')
  closeSync(line)
  assert.ok(mosquitto.publish(ca, 'alerts/door', '{"id":"d-1","text":"Door öffnet","severity":"critical"}', 2))
  await until('both letters are in the mailbox', 40_000, async () => (await texts()).length >= 2)
  const mails = (await texts()).join('\n')
  assert.match(mails, /PUMP3 OVERTEMP/)
  assert.match(mails, /Door =C3=B6ffnet/)
  assert.match(mails, /^Subject: Pump station 7: CRITICAL: Door =\?UTF-8\?Q\?=C3=B6ffnet\?=/m)
  assert.match(mails, /^Received: by ps7\.example\.net \(Outpost [^)]*\) via serial/m)
})

test('the log holds no secret', { skip }, () => {
  assert.ok(log.length > 0)
  assert.doesNotMatch(log, /smtp-secret|mqtt-secret/)
})

test('doctor walks both relays to RCPT and sends nothing', { skip, timeout: 60_000 }, async () => {
  const before = (await texts()).length
  for (const relay of ['submission', 'smtps'])
    assert.match(run(`${root}/bin/outpost`, ['doctor', '--relay', relay, '--data', data]), /ok {4}RCPT/)
  assert.equal((await texts()).length, before)
})

test('while the relay is away alerts wait; killed and started again, the gateway brings each of them once, in order', {
  skip,
  timeout: 150_000,
}, async () => {
  const before = (await texts()).length
  mail.stopPostfix()
  for (let i = 1; i <= 20; i++) assert.ok(mosquitto.publish(ca, `alerts/n`, `{"id":"k-${i}","text":"kill ${i}."}`, i % 2 ? 1 : 2))
  await until(
    'all are accepted',
    20_000,
    () => run(`${root}/bin/outpost`, ['queue', 'list', '--json', '--data', data]).split('\n').filter(Boolean).length === 20,
  )
  await stop(gateway, 'SIGKILL')
  assert.ok(mosquitto.publish(ca, 'alerts/n', '{"id":"k-21","text":"kill 21."}', 2), 'the broker keeps it meanwhile')
  await mail.startPostfix()
  log = ''
  begin()
  await until('all have arrived', 90_000, async () => (await texts()).length >= before + 21)
  const numbers = (await texts()).flatMap((whole) => /kill (\d+)\./.exec(whole)?.[1] ?? [])
  assert.equal(numbers.length, new Set(numbers).size, 'each once')
  assert.equal(numbers.length, 21)
  const sent = run('sh', ['-c', `grep -o 'message-id=<o[0-9]*' ${dir}/mail/spool/mail.log`])
    .split('\n')
    .filter(Boolean)
    .map((text) => Number(text.replace(/\D+/g, '')))
  const late = sent.slice(-21)
  assert.deepEqual(
    late,
    [...late].sort((a, b) => a - b),
    'in the order in which they were accepted',
  )
})

const alerts = Number(process.env.OUTPOST_STORM_ALERTS ?? 60)
const kills = Number(process.env.OUTPOST_STORM_KILLS ?? 3)

test(`${alerts} alerts by line and ${alerts} by MQTT, while gateway, broker and relay are killed ${kills} times each: none is lost`, {
  skip,
  timeout: 900_000,
}, async (t) => {
  await stop(gateway)
  const settings = JSON.parse(readFileSync(`${data}/settings.json`, 'utf8'))
  settings.sources[0].acknowledge = 'line'
  settings.delivery = { retry: ['1s', '2s'] }
  settings.relays.shift()
  writeFileSync(`${data}/settings.json`, JSON.stringify(settings))
  begin()
  const random = new SimRandom(Date.now())
  const sender = serialSensor(`${dir}/tty-plc`)
  let lastKill = 0
  const publishing = (async () => {
    const recent: { payload: string; at: number }[] = []
    for (let i = 1; i <= alerts; i++) {
      const payload = `{"id":"m-${i}","key":"m","text":"storm m${i}."}`
      while (!(await mosquitto.publishSoon(ca, 'alerts/storm', payload, i % 2 ? 1 : 2))) await sleep(200)
      recent.push({ payload, at: performance.now() })
      // mosquitto forgets what it confirmed and had not saved when it is killed: its publisher says the last seconds again.
      if (lastKill > 0) {
        for (const one of recent.filter((known) => Math.abs(known.at - lastKill) < 4000))
          while (!(await mosquitto.publishSoon(ca, 'alerts/storm', one.payload, 1))) await sleep(200)
        lastKill = 0
      }
    }
  })()
  const lines = (async () => {
    for (let i = 1; i <= alerts; i++) await sender.send(`{"id":"s-${i}","key":"s","text":"storm s${i}."}`)
  })()
  for (let i = 0; i < kills; i++) {
    for (const what of ['gateway', 'broker', 'relay']) {
      await sleep(200 + random.below(1500))
      if (what === 'gateway') {
        await stop(gateway, 'SIGKILL')
        begin()
      } else if (what === 'broker') {
        await mosquitto.kill()
        lastKill = performance.now()
        await mosquitto.start()
      } else {
        mail.stopPostfix()
        await sleep(random.below(500))
        await mail.startPostfix()
      }
    }
  }
  await Promise.all([publishing, lines])
  const told = async () =>
    (await texts()).flatMap((whole) => {
      const name = /storm ([ms]\d+)\./.exec(whole)?.[1]
      return name ? [{ name, messageId: /^Message-ID: (.*)$/m.exec(whole)?.[1] ?? '' }] : []
    })
  await until('all have arrived', 180_000, async () => {
    if (gateway?.exitCode !== null) begin()
    return new Set((await told()).map((one) => one.name)).size === 2 * alerts
  })
  const all = await told()
  const ids = new Map<string, Set<string>>()
  for (const { name, messageId } of all) ids.set(name, (ids.get(name) ?? new Set()).add(messageId))
  t.diagnostic(`${all.length} mails for ${ids.size} alerts`)
  // In Postfix's own log: the first time that each letter of a source came in, its number is the next one.
  const sources = new Map(
    (await texts()).map((whole) => [
      /^Message-ID: <(.*)>$/m.exec(whole)?.[1] ?? '',
      { source: /^X-Outpost-Source: (.*)$/m.exec(whole)?.[1], number: Number(/^X-Outpost-Number: (\d+)/m.exec(whole)?.[1]) },
    ]),
  )
  const came = new Set(
    run('sh', ['-c', `grep -o 'message-id=<[^>]*' ${dir}/mail/spool/mail.log`])
      .split('\n')
      .map((text) => text.slice('message-id=<'.length)),
  )
  for (const source of ['plc', 'field']) {
    const numbers = [...came].flatMap((messageId) =>
      sources.get(messageId)?.source === source ? [sources.get(messageId)?.number ?? 0] : [],
    )
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
      `order of ${source}`,
    )
  }
  assert.deepEqual(
    [...ids].filter(([, known]) => known.size > 1),
    [],
    'every duplicate bears the Message-ID of its twin',
  )
  sender.close()
})

test('SIGTERM leaves nothing behind and exits 0', { skip, timeout: 30_000 }, async () => {
  const ended = new Promise((resolve) => gateway?.once('exit', resolve))
  gateway?.kill('SIGTERM')
  assert.equal(await ended, 0)
})
