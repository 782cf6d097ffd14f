import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { Namespace } from '../../peers/namespace.ts'
import { missing, stop, until } from '../../peers/process.ts'
import { ThinLink } from './line.ts'

/** The instrument itself: what it says of a dialogue whose octets and turns are known. */
const skip =
  missing('ip', 'gcc') ||
  (process.getuid?.() === 0 && process.platform === 'linux' ? false : 'namespaces and TUN devices need root on Linux')
const program = new URL('echo.ts', import.meta.url).pathname
const dir = mkdtempSync(`${tmpdir()}/outpost-line-`)
const port = '7000'
let near: Namespace
let far: Namespace
let link: ThinLink
let server: ChildProcess | undefined

before(async () => {
  if (skip) return
  near = new Namespace(`outpost-line-${process.pid}-near`)
  far = new Namespace(`outpost-line-${process.pid}-far`)
  link = await ThinLink.lay(ThinLink.compile(dir), `li${process.pid % 100_000}`, '198.18.99', near, far)
  server = far.talk(process.execPath, [program, 'serve', link.farAddress, port])
  assert.ok(server.stdout)
  await once(server.stdout, 'data')
})

after(async () => {
  if (!skip) {
    await stop(server, 'SIGKILL')
    await link?.remove()
    near?.remove()
    far?.remove()
  }
  rmSync(dir, { recursive: true, force: true })
})

/** Milliseconds of a dialogue, and what the link counted meanwhile. */
async function dialogue(times: number, octets: number) {
  await link.quiet(500)
  await link.reset()
  const [command = '', ...prefix] = near.prefix
  const args = [...prefix, process.execPath, program, 'talk', link.farAddress, port, String(times), String(octets)]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 20_000 })
  let said = ''
  child.stdout.on('data', (bytes) => {
    said += bytes
  })
  await once(child, 'close')
  assert.notEqual(said, '', 'the dialogue came to its end')
  return { ms: Number(said), count: await link.quiet(500) }
}

test('a dialogue takes a round trip for the connection and one for each turn, and the link counts them', {
  skip,
  timeout: 30_000,
}, async () => {
  await link.set({ delayMs: 40, rate: 0, loss: 0 })
  const { ms, count } = await dialogue(6, 100)
  assert.ok(ms >= 7 * 80, `${ms} ms for 7 round trips of 80 ms`)
  assert.deepEqual(count.turns, [6])
  assert.deepEqual([count.up.payload, count.down.payload], [600, 600])
})

test('octets do not pass faster than the rate', { skip, timeout: 30_000 }, async () => {
  await link.set({ delayMs: 5, rate: 800_000, loss: 0 })
  const { ms, count } = await dialogue(1, 50_000)
  assert.ok(ms >= 500, `${ms} ms for 50,000 octets at 100,000 a second`)
  assert.deepEqual(count.turns.length, 1)
  assert.equal(count.up.dropped, 0)
})

test('what the queue cannot hold is dropped, what chance takes is lost, and TCP sends it again', { skip, timeout: 60_000 }, async () => {
  await link.set({ delayMs: 5, rate: 800_000, queueBytes: 6000, loss: 0 })
  const full = await dialogue(1, 100_000)
  assert.ok(full.count.up.dropped > 0)
  assert.ok(full.count.up.payload > 100_000, 'more was sent than said')
  await link.set({ delayMs: 5, rate: 0, loss: 0.05, seed: 7 })
  const lossy = await dialogue(40, 3000)
  assert.ok(lossy.count.up.lost + lossy.count.down.lost > 0)
  assert.ok(lossy.count.up.payload + lossy.count.down.payload > 240_000)
})

test('nothing passes while the link is down', { skip, timeout: 30_000 }, async () => {
  await link.set({ delayMs: 5, rate: 0, loss: 0 })
  await link.quiet(500)
  await link.down()
  await link.reset()
  const talking = dialogue(6, 100)
  await until('somebody knocks', 10_000, async () => (await link.report()).up.lost > 0)
  assert.equal((await link.report()).down.packets, 0)
  await link.up()
  assert.deepEqual((await talking).count.turns, [6])
})
