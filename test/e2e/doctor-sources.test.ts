import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { NodeDisk } from '../../src/ports/node/disk.ts'
import { makeCertificates } from '../peers/certificates.ts'
import { Mosquitto } from '../peers/mosquitto.ts'
import { freePort, missing, run, start, stop, until } from '../peers/process.ts'

/** Doctor over real peers: how far each line and broker is reached, and that nobody is disturbed. */
const root = new URL('../..', import.meta.url).pathname
const skip = missing('mosquitto', 'mosquitto_pub', 'mosquitto_ctrl', 'socat', 'openssl')
const dir = mkdtempSync(`${tmpdir()}/outpost-doctor-`)
const pairs: ChildProcess[] = []
let mosquitto: Mosquitto
let tls: ReturnType<typeof makeCertificates>
let taken: Server
let takenPort = 0

/** A line that nobody has open but its user: socat lets go of its near end. */
async function quietLine(name: string): Promise<string> {
  pairs.push(start('socat', ['-u', `pty,raw,echo=0,link=${dir}/${name},wait-slave`, 'OPEN:/dev/null']))
  await until('the line is there', 5000, () => existsSync(`${dir}/${name}`))
  return `${dir}/${name}`
}

async function pty(name: string): Promise<string> {
  pairs.push(start('socat', [`pty,raw,echo=0,link=${dir}/${name}`, `pty,raw,echo=0,link=${dir}/${name}-far`]))
  await until('the pty pair is there', 5000, () => existsSync(`${dir}/${name}`) && existsSync(`${dir}/${name}-far`))
  return `${dir}/${name}`
}

const box = (name: string, settings: unknown): string => {
  mkdirSync(`${dir}/${name}`)
  writeFileSync(`${dir}/${name}/settings.json`, JSON.stringify(settings))
  writeFileSync(`${dir}/${name}/secrets.json`, JSON.stringify({ right: 'mqtt-secret', wrong: 'guess' }), { mode: 0o600 })
  return `${dir}/${name}`
}

const mqtt = (id: string, more: object = {}) => ({
  ...{ id, kind: 'mqtt', url: `mqtts://localhost:${mosquitto.port}`, username: 'ps7', password: { secret: 'right' }, ca: tls.ca },
  ...more,
})

/** Exit code, and what was said of each source: `ok TCP …` lines. */
function doctor(data: string): { status: number | null; of: Map<string, string>; all: string } {
  const { status, stdout } = spawnSync(`${root}/bin/outpost`, ['doctor', '--data', data], { encoding: 'utf8', timeout: 60_000 })
  const of = new Map<string, string>()
  for (const part of stdout.split('\n\n')) {
    const id = /^source (\S+): /.exec(part)?.[1]
    if (id !== undefined) of.set(id, part.replace(/ +/g, ' '))
  }
  return { status, of, all: stdout }
}

before(async () => {
  if (skip) return
  tls = makeCertificates(dir)
  mkdirSync(`${dir}/mqtt`)
  mosquitto = new Mosquitto(`${dir}/mqtt`, await freePort(), tls, 'secret/#')
  await mosquitto.start()
  taken = createServer((socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const address = taken.address()
  takenPort = typeof address === 'object' && address ? address.port : 0
})

after(async () => {
  if (skip) return
  for (const pair of pairs) await stop(pair, 'SIGKILL')
  await mosquitto.stop()
  taken.close()
  rmSync(dir, { recursive: true, force: true })
})

test('without a gateway doctor says of each broker and line how far it gets', { skip, timeout: 120_000 }, async () => {
  const free = await quietLine('free')
  const held = await quietLine('held')
  const holder = start('socat', ['-u', `${held},raw,echo=0`, '-'])
  pairs.push(holder)
  await until('the line is held', 5000, () => run('sh', ['-c', `ls -l /proc/${holder.pid}/fd`]).includes('/dev/pts/'))
  const data = box('still', {
    broker: { listen: `127.0.0.1:${takenPort}` },
    sources: [
      mqtt('good', { version: 5 }),
      mqtt('stranger', { password: { secret: 'wrong' } }),
      mqtt('stranger-5', { password: { secret: 'wrong' }, version: 5 }),
      mqtt('denied', { topics: ['alerts/#', 'secret/#'] }),
      mqtt('denied-5', { topics: ['secret/#'], version: 5 }),
      mqtt('untrusted', { ca: undefined }),
      mqtt('away', { url: `mqtt://127.0.0.1:${await freePort()}` }),
      { id: 'free', kind: 'serial', path: free, baudRate: 19200, parity: 'even' },
      { id: 'held', kind: 'serial', path: held },
      { id: 'gone', kind: 'serial', path: `${dir}/nothing` },
    ],
  })
  const { status, of, all } = doctor(data)
  const said = (id: string, ...lines: RegExp[]) => {
    const found = (of.get(id) ?? '').split('\n').filter((line) => /^(ok|FAIL) /.test(line))
    assert.equal(found.length, lines.length, `${id}: ${all}`)
    for (const [index, line] of lines.entries()) assert.match(found[index] ?? '', line, id)
  }
  const way = [/^ok DNS \d+ ms localhost is /, /^ok TCP \d+ ms connected/, /^ok TLS \d+ ms TLSv1\.[23] .* /]
  const admitted = /^ok CONNACK \d+ ms the broker lets us in as ps7/
  said('good', way[0] ?? /^$/, way[1] ?? /^$/, /certificate of localhost by Test CA/, admitted, /^ok SUBACK \d+ ms .*alerts\/#/)
  said('stranger', ...way, /^FAIL CONNACK \d+ ms .*password is wrong/)
  said('stranger-5', ...way, /^FAIL CONNACK \d+ ms .*password is wrong/)
  said('denied', ...way, admitted, /^FAIL SUBACK \d+ ms the broker does not let us subscribe to secret\/#\./)
  said('denied-5', ...way, admitted, /^FAIL SUBACK \d+ ms .*secret\/#/)
  said('untrusted', /^ok DNS/, /^ok TCP/, /^FAIL TLS \d+ ms .*not trusted here/)
  said('away', /^ok DNS/, /^FAIL TCP \d+ ms .*ECONNREFUSED/)
  said('free', /^ok device .*is there: \/dev\/pts\//, /^ok open .*19200 baud, 8 data bits, even parity, 1 stop bit, no flow control/)
  said('held', new RegExp(`^FAIL device .*is held by socat \\(process ${holder.pid}\\)`))
  said('gone', /^FAIL device .*There is no .*nothing/)
  said('broker', /^FAIL listen .*Something else listens on/, /^ok answer .*somebody answers/)
  assert.equal(status, 1)
})

test('while a gateway starts or stops, its lines are left alone', { skip, timeout: 60_000 }, async () => {
  const data = box('between', {
    broker: { enabled: false },
    sources: [{ id: 'plc', kind: 'serial', path: await quietLine('between-line') }],
  })
  const unlock = await new NodeDisk().lock(data)
  const { status, of, all } = doctor(data)
  await unlock?.()
  assert.equal(of.size, 0)
  assert.match(all, /FAIL +gateway +starting, stopping, or not answering/)
  assert.equal(status, 1)
})

test('a gateway that runs is asked, and keeps its line, its session and its messages', { skip, timeout: 120_000 }, async () => {
  const line = await pty('line')
  const sources = [{ id: 'plc', kind: 'serial', path: line }, mqtt('field', { qos: 2, version: 5 }), mqtt('old', { version: 4 })]
  const data = box('runs', { broker: { enabled: false }, sources })
  let log = ''
  const gateway = spawn(`${root}/bin/outpost`, ['run', '--data', data], { stdio: ['ignore', 'ignore', 'pipe'] })
  gateway.stderr.on('data', (bytes) => {
    log += bytes
  })
  pairs.push(gateway)
  await until('the gateway listens', 20_000, () => log.includes('serial: up') && log.split('mqtt: up').length === 3)
  const asked = doctor(data)
  assert.equal(asked.of.size, 0, asked.all)
  assert.match(asked.all, /ok +gateway +running/)
  assert.match(asked.all, /ok +plc +serial up/)
  assert.match(asked.all, /ok +field +mqtt up/)
  // From another directory, with the same device id and so the same client ids.
  const twin = box('twin', { broker: { enabled: false }, sources })
  cpSync(`${data}/device.json`, `${twin}/device.json`)
  const { of } = doctor(twin)
  assert.match(of.get('plc') ?? '', new RegExp(`FAIL device .*is held by .*\\(process ${gateway.pid}\\)`))
  for (const id of ['field', 'old']) assert.match(of.get(id) ?? '', /ok SUBACK/)
  assert.ok(mosquitto.publish('alerts/door', '{"id":"d-1","text":"Door open"}', 2))
  const waits = () => run(`${root}/bin/outpost`, ['mailbox', 'list', '--json', '--data', data]).split('\n').filter(Boolean)
  await until('each source has its alert', 10_000, () => waits().length >= 2)
  assert.equal(waits().length, 2)
  assert.doesNotMatch(log, /(serial|mqtt): down/)
  await stop(gateway)
})
