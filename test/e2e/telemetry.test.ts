import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { listens } from '../peers/mosquitto.ts'
import { Outpost } from '../peers/outpost.ts'
import { PlainRelay } from '../peers/plain-relay.ts'
import { freePort, missing, sleep, start, stop, until } from '../peers/process.ts'

/** No telemetry (ETSI EN 303 645, 5.8 and 5.10): whom the built gateway speaks to, as the kernel sees it. */
const dir = mkdtempSync(`${tmpdir()}/outpost-telemetry-`)
const skip = missing('strace', 'mosquitto', 'mosquitto_pub')
const program = new URL('../../bin/outpost', import.meta.url).pathname
after(() => rmSync(dir, { recursive: true, force: true }))

type Seen = { to: Set<string>; listened: boolean }

/** Lets the gateway live through `life`, and tells where it sent anything: `address:port`. */
async function traced(box: Outpost, life: (log: () => string) => Promise<void>): Promise<Seen> {
  const trace = `${box.data}.trace`
  let log = ''
  let child: ChildProcess | undefined
  try {
    child = spawn(
      'strace',
      ['-f', '-qq', '-o', trace, '-e', 'trace=listen,connect,sendto,sendmsg,sendmmsg', program, 'run', '--data', box.data],
      {
        detached: true,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    child.stderr?.on('data', (octets) => {
      log += octets
    })
    await until('it works', 30_000, () => log.includes('gateway: ready'))
    await life(() => log)
  } finally {
    // Both of them: strace alone would leave the gateway running.
    if (child?.pid) process.kill(-child.pid, 'SIGTERM')
    await stop(child)
  }
  const calls = readFileSync(trace, 'utf8').split('\n')
  const to = calls.flatMap((line) => {
    const [, call = ''] = /\b(connect|send\w+)\(/.exec(line) ?? []
    const [place] = /AF_INET6?\b/.test(line) ? [`${/"([^"]+)"/.exec(line)?.[1]}:${/htons\((\d+)\)/.exec(line)?.[1]}`] : []
    // The kernel is asked for the way to a relay by a datagram socket that is connected to it (port 9), over which nothing is sent.
    return place === undefined || (call === 'connect' && place.endsWith(':9')) ? [] : [place]
  })
  return { to: new Set(to), listened: calls.some((line) => line.includes('listen(')) }
}

const healthz = (port: number) =>
  new Promise<number | undefined>((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/healthz', agent: false }, (answer) => resolve(answer.resume().statusCode)).on('error', reject)
  })

test('no telemetry: a box that was never told of a relay or a broker speaks to nobody', { skip, timeout: 60_000 }, async () => {
  const port = await freePort()
  const box = new Outpost(`${dir}/quiet`, { broker: { enabled: false }, web: { listen: `127.0.0.1:${port}` } })
  const { to, listened } = await traced(box, async () => {
    await sleep(3000)
    assert.equal(await healthz(port), 200)
  })
  assert.ok(listened, 'the trace saw it listen')
  assert.deepEqual([...to], [])
})

test('no telemetry: a box at work speaks to the relay and the broker of its settings, and to nobody else', {
  skip,
  timeout: 60_000,
}, async () => {
  const [web, smtp, mqtt] = [await freePort(), await freePort(), await freePort()]
  const relay = new PlainRelay({ offers: ['PIPELINING', 'SIZE 1000000'] })
  // Without a configuration it serves this machine alone.
  const broker = start('mosquitto', ['-p', String(mqtt)])
  try {
    await relay.start(smtp)
    await until('mosquitto listens', 10_000, () => listens(mqtt))
    const box = new Outpost(`${dir}/busy`, {
      site: { name: 'Pump 7', domain: 'ps7.example.net' },
      broker: { enabled: false },
      web: { listen: `127.0.0.1:${web}` },
      people: [{ id: 'ops', name: 'Ops', address: 'ops@example.org' }],
      sources: [{ id: 'field', kind: 'mqtt', url: `mqtt://127.0.0.1:${mqtt}` }],
      relays: [{ id: 'isp', host: '127.0.0.1', port: smtp, security: 'none' }],
    })
    const { to } = await traced(box, async (log) => {
      await until('it hears the broker', 20_000, () => log().includes('mqtt: up'))
      assert.equal(spawnSync('mosquitto_pub', ['-p', String(mqtt), '-q', '1', '-t', 'alerts/door', '-m', 'Door open']).status, 0)
      await until('the letter has left', 20_000, () => relay.letters.length === 1)
      assert.equal(await healthz(web), 200)
      await sleep(2000)
    })
    assert.deepEqual([...to].sort(), [`127.0.0.1:${smtp}`, `127.0.0.1:${mqtt}`].sort())
  } finally {
    await relay.stop()
    await stop(broker)
  }
})
