import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { PlainRelay } from '../peers/plain-relay.ts'
import { freePort, Machine } from './machine.ts'
import { flash, lay, provisioning } from './provision.ts'
import { SerialLine } from './serial-line.ts'
import { until } from './until.ts'
import { makeBundles, makeKey } from './updates.ts'

/**
 * Updates of a booted box: `npm run test:update` builds the image for x86-64 with a keyring, and brings it bundles on a stick: forged, broken, foreign and older ones, a good one, one whose gateway does not work, and one
 * while whose installation the power goes again and again. Letters wait all the while, and arrive in the end. In an emulator without hardware help; --cuts N: how often the power goes (10).
 */
const root = resolve(import.meta.dirname, '../..')
const { values } = parseArgs({ options: { cuts: { type: 'string', default: '10' } } })
const bootSeconds = 600
const diskBytes = 3 * 1024 ** 3
const waiting = 20
/** An installation takes longer than this. */
const cutsMs = 8000

const folder = mkdtempSync(join(tmpdir(), 'outpost-update-test-'))
const say = (words: string): void => void process.stdout.write(`${words}\n`)
let passed = 0

async function check(sentence: string, deed: () => Promise<unknown>): Promise<void> {
  const from = performance.now()
  const figure = await deed()
  passed += 1
  say(`ok     ${sentence}${figure === undefined ? '' : `: ${figure}`}  (${((performance.now() - from) / 1000).toFixed(0)} s)`)
}

type Told = { version: string; slot: string; state: string; bundle?: string; why?: string }

/** What root tells the gateway. */
const told = async ({ probe }: Machine): Promise<Told> => JSON.parse(await probe.run('cat /run/outpost-update/status.json', 120)) as Told

/** `outpost update` inside, with a bundle of the stick. */
const bring = (machine: Machine, name: string, ...more: string[]) =>
  machine.probe.try(
    `mkdir -p /run/stick && { mountpoint -q /run/stick || mount -o ro,umask=022 /dev/vdb /run/stick; } && outpost update /run/stick/${name}.raucb ${more.join(' ')}`,
    900,
  )

/** The box is up, and whatever it had to show is shown. */
async function settled(machine: Machine): Promise<Told> {
  await machine.ready(bootSeconds)
  let last: Told | undefined
  await until('the boot is confirmed', bootSeconds, async () => {
    last = await told(machine).catch(() => undefined)
    return last !== undefined && !['trial', 'installed', 'installing'].includes(last.state)
  })
  assert.ok(last)
  return last
}

/** It restarts by itself: another boot answers. */
async function anotherBoot(machine: Machine, before: string): Promise<void> {
  await until('another boot', bootSeconds * 2, async () => {
    const now = await machine.probe.try('cat /proc/sys/kernel/random/boot_id', 10).catch(() => ({ out: before, code: 1 }))
    return now.code === 0 && now.out !== before
  })
}
const bootId = ({ probe }: Machine): Promise<string> => probe.run('cat /proc/sys/kernel/random/boot_id', 120)

async function main(): Promise<void> {
  const signer = makeKey(folder, 'outpost-test')
  const image = join(folder, 'image.img.zst')
  const args = [join(root, 'firmware-host/image/build.ts'), '--board', 'generic-x86-64', '--out', image, '--keyring', signer.cert]
  const built = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (built.status !== 0) throw new Error('The image was not built.')
  const bundles = await makeBundles(join(folder, 'image.root.squashfs'), 'generic-x86-64', folder, signer)
  const disk = join(folder, 'disk.img')
  flash(image.replace(/\.zst$/, ''), disk, diskBytes)
  const port = await freePort()
  lay(disk, 'outpost.json', JSON.stringify(provisioning('/dev/ttyS1', port)))
  const machine = new Machine('x64', disk, bundles.stick)
  const relay = new PlainRelay()
  try {
    await machine.start()
    await check('the first boot is confirmed', async () => {
      const { state, slot, version } = await settled(machine)
      assert.deepEqual([state, slot, version], ['idle', 'A', bundles.here])
    })
    const tokens = Array.from({ length: waiting }, (_, index) => `waits-${index + 1}.`)
    await check(`${waiting} alerts are acknowledged while no mail server can be reached`, async () => {
      const line = new SerialLine(machine.line)
      await until('the line is open', 60, () => line.say('Door open', 10))
      for (const token of tokens) await until(`${token} is acknowledged`, 60, () => line.say(`Alert ${token}`, 10))
      line.close()
    })
    await check('a good bundle is found good, and nothing is done with it unasked', async () => {
      const { out, code } = await bring(machine, 'good')
      assert.equal(code, 0, `${out}\n${await machine.probe.run('journalctl -b --no-pager -u outpost-update -u rauc | tail -30')}`)
      assert.match(out, /Say --yes/)
      const { state, slot } = await told(machine)
      assert.deepEqual([state, slot], ['checked', 'A'])
      return out.split('\n')[0]
    })
    for (const [name, why] of [
      ['stranger', /signature/],
      ['tampered', /.*/],
      ['cut', /no update bundle|signature|part of one/],
      ['foreign', /for outpost-raspberry-pi-4b/],
      ['older', /older than/],
    ] as const)
      await check(`the bundle "${name}" is refused, and the box runs on as it did`, async () => {
        const { out, code } = await bring(machine, name, '--yes')
        assert.equal(code, 1, out)
        assert.match(out, why)
        const { slot, version } = await told(machine)
        assert.deepEqual([slot, version], ['A', bundles.here])
        return out.split('\n').at(-1)
      })
    const cuts = Number(values.cuts)
    let isThere = false
    for (let cut = 1; cut <= cuts && !isThere; cut++)
      await check(`the power goes in the middle of an update (${cut}), and the box comes back as it was`, async () => {
        const { probe } = machine
        if (cut === 1) assert.equal((await bring(machine, 'good')).code, 0)
        await probe.run(
          `echo '{"do":"install"}' > /var/lib/outpost/update/request.json.new && chown outpost:outpost /var/lib/outpost/update/request.json.new && mv /var/lib/outpost/update/request.json.new /var/lib/outpost/update/request.json`,
        )
        await until('it is being installed', 120, async () => (await told(machine)).state === 'installing')
        // From its first moment on; the last ones may come when it has just ended.
        await new Promise((done) => setTimeout(done, ((cut - 1) / cuts) * cutsMs))
        const at = await told(machine).catch(() => undefined)
        await machine.cut()
        await machine.start()
        const { slot, version, state, why } = await settled(machine)
        // Where it had come to its end, the new system is there; else the old one, which says so.
        isThere = version === bundles.good
        if (isThere) assert.equal(slot, 'B')
        else {
          assert.deepEqual([slot, version], ['A', bundles.here])
          assert.match(`${state} ${why}`, /refused The power went while/)
        }
        return `cut at ${JSON.stringify(at)}; then ${version} in ${slot}`
      })
    await check('a good bundle is installed, runs from the other slot, and is confirmed', async () => {
      const before = await told(machine)
      if (before.version !== bundles.good) {
        const boot = await bootId(machine)
        const { out, code } = await bring(machine, 'good', '--yes')
        assert.ok(code === 0 || /restarts/.test(out), out)
        await anotherBoot(machine, boot)
      }
      const { slot, version, state } = await settled(machine)
      assert.deepEqual([slot, version, state], ['B', bundles.good, 'idle'])
    })
    await check('one whose gateway does not work is given up by the box itself, and told', async () => {
      const boot = await bootId(machine)
      await bring(machine, 'bad', '--yes')
      await anotherBoot(machine, boot)
      await until('the old system is back', 3600, async () => {
        const now = await told(machine).catch(() => undefined)
        return now?.state === 'rolled-back' && now.version === bundles.good
      })
      const { why, slot } = await told(machine)
      assert.equal(slot, 'B')
      return why
    })
    await check('every alert arrives, and what was told of the roll-back', async () => {
      await relay.start(port)
      const letters = () => relay.letters.map(({ content }) => content).join('\n')
      await until(
        'all mail is there',
        900,
        () => tokens.every((token) => letters().includes(token)) && /did not come up well/.test(letters()),
      )
      for (const token of tokens) assert.equal(letters().split(token).length, 2, `${token} comes once`)
    })
  } finally {
    await relay.stop()
    await machine.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

const began = performance.now()
try {
  await main()
} catch (error) {
  say(`FAILED ${error instanceof Error ? error.stack : error}`)
  process.exitCode = 1
}
say(`${passed} passed, ${((performance.now() - began) / 60_000).toFixed(1)} minutes`)
