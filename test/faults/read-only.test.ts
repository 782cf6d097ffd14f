import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { suite, test } from 'node:test'
import { Outpost } from '../peers/outpost.ts'
import { PlainRelay } from '../peers/plain-relay.ts'
import { freePort, missing, run, sleep, until } from '../peers/process.ts'

/** A real ext4 that was remounted read-only: by hand while nobody ran, and by the kernel itself, after a fault, while the gateway did. */
const privileged = process.getuid?.() === 0 && existsSync('/dev/loop-control') ? false : 'needs root and loop devices'
const skip = missing('mkfs.ext4', 'losetup') || privileged

const texts = ['Pump 1 stands still', 'Pump 2 stands still', 'Pump 3 stands still']

type Scene = { outpost: Outpost; relay: PlainRelay; port: number; mnt: string; url: string }

/** A gateway on a card of its own, and a relay that is not reachable yet. */
async function onCard(story: (scene: Scene) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(`${tmpdir()}/outpost-read-only-`)
  const mnt = `${dir}/mnt`
  mkdirSync(mnt)
  const relay = new PlainRelay({ offers: [] })
  let outpost: Outpost | undefined
  try {
    run('sh', ['-c', `truncate -s 48M ${dir}/image && mkfs.ext4 -q -F ${dir}/image && mount -o loop,errors=remount-ro ${dir}/image ${mnt}`])
    const [port, page] = [await freePort(), await freePort()]
    outpost = new Outpost(`${mnt}/data`, {
      site: { domain: 'site.example.org' },
      broker: { enabled: false },
      web: { listen: `127.0.0.1:${page}`, tls: 'off' },
      people: [
        { id: 'ops', address: 'ops@example.org' },
        { id: 'here', address: 'here@site.example.org' },
      ],
      delivery: { retry: ['10s'] },
      relays: [{ id: 'isp', host: '127.0.0.1', port, security: 'none' }],
    })
    await story({ outpost, relay, port, mnt, url: `http://127.0.0.1:${page}` })
  } finally {
    await outpost?.stop()
    await relay.stop()
    // The mount has its loop device detached with it.
    spawnSync('umount', [mnt])
    rmSync(dir, { recursive: true, force: true })
  }
}

async function begin({ outpost }: Scene): Promise<void> {
  outpost.log = ''
  outpost.begin()
  await until('the gateway is ready', 30_000, () => outpost.alive() && outpost.log.includes('gateway: ready'))
}

const reachable = ({ outpost }: Scene) => until('the command line reaches it', 10_000, () => existsSync(`${outpost.data}/control.sock`))

async function acceptAll(scene: Scene): Promise<void> {
  const { outpost } = scene
  await reachable(scene)
  for (const text of texts) send(outpost, text, '--to', 'ops', '--severity', 'critical')
}

const program = new URL('../../bin/outpost', import.meta.url).pathname
const send = ({ data }: Outpost, text: string, ...words: string[]) => run(program, ['send', '--data', data, ...words], text)

const told = ({ relay }: Scene): string[] =>
  relay.letters.flatMap(({ content }) => texts.filter((text) => content.includes(`\r\n${text}`))).sort()

/** The relay becomes reachable: each letter arrives, none twice, and nothing is called lost. */
async function arriveOnce(scene: Scene): Promise<void> {
  const { outpost, relay, port } = scene
  await relay.start(port)
  await until('all letters are there', 300_000, () => outpost.alive() && told(scene).length >= texts.length)
  await sleep(5000)
  assert.deepEqual(told(scene), texts)
  assert.doesNotMatch(outpost.log, /destroyed|stretches were skipped|put aside/)
}

/** Whoever looks is told that nothing is accepted, and why. */
async function saysSo({ url, outpost }: Scene): Promise<void> {
  await until('health says it', 60_000, async () => (await fetch(`${url}/healthz`)).status === 503)
  assert.match(outpost.log, /read-only, nothing more is accepted/)
}

// Each waits two minutes for a disk that may only stumble.
suite('a card that is read-only', { skip, concurrency: true, timeout: 500_000 }, () => {
  test('started anew on a card that is read-only, it sends what waits, once, accepts nothing and says so', () =>
    onCard(async (scene) => {
      const { outpost, mnt } = scene
      await begin(scene)
      await acceptAll(scene)
      send(outpost, 'Read me', '--to', 'here')
      await until('its own people have their mail', 10_000, () => outpost.command('mailbox', 'list').includes('Read me'))
      assert.equal(await outpost.stop(), 0)
      // What a box has lost, or never had, is no reason to stay away, either.
      rmSync(`${outpost.data}/spool`, { recursive: true, force: true })
      for (const name of readdirSync(outpost.data)) if (name.endsWith('.bak')) rmSync(`${outpost.data}/${name}`)
      run('mount', ['-o', 'remount,ro', mnt])
      assert.throws(() => writeFileSync(`${mnt}/x`, ''), /EROFS/)
      await begin(scene)
      await saysSo(scene)
      assert.match(outpost.log, /the command line cannot reach this gateway/)
      assert.match(outpost.command('mailbox', 'list'), /Read me/)
      const health = spawnSync(program, ['health', '--data', outpost.data], { encoding: 'utf8' })
      assert.equal(health.status, 1)
      assert.match(health.stderr, /its disk takes nothing/)
      await arriveOnce(scene)
      assert.equal(await outpost.stop(), 0)
    }))

  test('the kernel remounts the card while the gateway runs: what waits arrives, once', () =>
    onCard(async (scene) => {
      const { outpost, mnt } = scene
      await begin(scene)
      await acceptAll(scene)
      assert.equal(await outpost.stop(), 0)
      await begin(scene)
      await reachable(scene)
      const device = run('findmnt', ['-no', 'SOURCE', mnt]).trim().replace('/dev/', '')
      writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, 'a fault of the card')
      assert.throws(() => writeFileSync(`${mnt}/x`, ''), /EROFS|EIO/)
      outpost.log = ''
      assert.throws(() => send(outpost, 'Not taken', '--to', 'ops'), /Waiting letters are still sent/)
      await saysSo(scene)
      await arriveOnce(scene)
    }))
})
