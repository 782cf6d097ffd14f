import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import type { Board } from '../../firmware-host/image/board.ts'
import { lay, makeFat } from '../../firmware-host/image/fat.ts'
import { layoutFor, MiB, partition } from '../../firmware-host/image/layout.ts'
import { autobootTxt, cmdlines, isPi } from '../../firmware-host/image/raspberry-pi.ts'
import { raucConf } from '../../firmware-host/image/rauc.ts'
import { makeBundle } from '../../firmware-host/image/update-bundle.ts'
import { makeKey } from '../image/updates.ts'
import { missing } from '../peers/process.ts'

/** Slots of a Raspberry Pi, without one: what a bundle lays into the boot slot, and what RAUC is told of the choice. */
const root = resolve(import.meta.dirname, '../..')
const board = { ...(JSON.parse(readFileSync(join(root, 'boards/raspberry-pi-4b.json'), 'utf8')) as Board), name: 'raspberry-pi-4b' }
assert.ok(isPi(board))
const layout = layoutFor(board)

const dir = mkdtempSync(join(tmpdir(), 'outpost-pi-slots-'))
after(() => rmSync(dir, { recursive: true, force: true }))

/** Programs that stand in for those of the device, by name. */
function standIns(scripts: Record<string, string>): string {
  const bin = mkdtempSync(join(dir, 'bin-'))
  for (const [name, script] of Object.entries(scripts)) writeFileSync(join(bin, name), `#!/bin/sh\nset -e\n${script}\n`, { mode: 0o755 })
  return `${bin}:${process.env.PATH}`
}

/** Mounting a FAT without being root: its files are taken out, and put back. */
const mounting = standIns({
  // mount -t vfat -o OPTIONS DEVICE DIR
  mount: 'mcopy -m -i "$5" "::*" "$6"; echo "$5" > "$6/.device"',
  umount: 'device=$(cat "$1/.device"); rm "$1/.device"; mcopy -o -i "$device" "$1"/* ::; rm "$1"/*',
})

async function bootImage(): Promise<string> {
  const folder = mkdtempSync(join(dir, 'boot-'))
  await lay(folder, cmdlines(board as Parameters<typeof cmdlines>[0], layout))
  const image = `${folder}.fat`
  await makeFat(image, folder, { size: 64 * MiB, label: 'BOOT', seed: 'a test', epoch: 1_700_000_000 })
  return image
}

const cmdlineIn = (image: string): string =>
  spawnSync('mtype', ['-i', image, '::cmdline.txt'], { encoding: 'utf8', env: { ...process.env, MTOOLS_SKIP_CHECK: '1' } }).stdout

test('a boot image starts the root of the slot that it was written to', { skip: missing('mcopy', 'mkfs.vfat') }, async () => {
  const written = await bootImage()
  assert.match(cmdlineIn(written), /rauc\.slot=A/, 'a card is flashed with slot A')
  const conf = raucConf(board, layout)
  for (const [name, bootSlot, rootSlot, letter] of [
    ['boot.1', 'boot-b', 'root-b', 'B'],
    ['boot.0', 'boot-a', 'root-a', 'A'],
  ] as const) {
    assert.ok(conf.includes(`[slot.${name}]\ndevice=/dev/disk/by-partuuid/${partition(layout, bootSlot).uuid}\n`), name)
    const done = spawnSync(join(root, 'firmware-host/image/slot-hook'), ['slot-post-install'], {
      encoding: 'utf8',
      env: { PATH: mounting, TMPDIR: dir, MTOOLS_SKIP_CHECK: '1', RAUC_SLOT_NAME: name, RAUC_SLOT_DEVICE: written },
    })
    assert.equal(done.status, 0, done.stderr)
    assert.ok(cmdlineIn(written).startsWith(`root=PARTUUID=${partition(layout, rootSlot).uuid} rauc.slot=${letter} `), cmdlineIn(written))
  }
  const other = spawnSync(join(root, 'firmware-host/image/slot-hook'), ['slot-post-install'], {
    encoding: 'utf8',
    env: { PATH: mounting, RAUC_SLOT_NAME: 'rootfs.1', RAUC_SLOT_DEVICE: written },
  })
  assert.equal(other.status, 1)
  assert.match(other.stderr, /rootfs\.1 is no boot slot/)
})

test('a bundle for a Raspberry Pi has the hook for its boot slot, as RAUC reads it; one without a boot slot has none', {
  skip: missing('rauc', 'openssl', 'mksquashfs', 'mcopy', 'mkfs.vfat'),
}, async () => {
  const signer = makeKey(dir, 'signer')
  // RAUC makes no bundle of a few octets.
  const content = join(dir, 'root.squashfs')
  writeFileSync(content, randomBytes(65_536))
  const made = async (boot: string | undefined) => {
    const out = join(dir, `${boot === undefined ? 'plain' : 'pi'}.raucb`)
    const version = '0.1.1+202612010000'
    await makeBundle({ board: board.name, root: content, version, ...signer, out, ...(boot === undefined ? {} : { boot }) })
    const told = spawnSync('rauc', [`--keyring=${signer.cert}`, 'info', '--output-format=json', out], { encoding: 'utf8' })
    assert.equal(told.status, 0, told.stderr)
    const images = (JSON.parse(told.stdout) as { images: Record<string, { hooks: string[] }>[] }).images
    return { out, hooks: Object.fromEntries(images.flatMap((one) => Object.entries(one)).map(([slot, { hooks }]) => [slot, hooks])) }
  }
  const { out, hooks } = await made(await bootImage())
  assert.deepEqual(hooks, { rootfs: [], boot: ['post-install'] })
  const unpacked = join(dir, 'unpacked')
  assert.equal(spawnSync('rauc', [`--keyring=${signer.cert}`, 'extract', out, unpacked]).status, 0)
  assert.match(readFileSync(join(unpacked, 'manifest.raucm'), 'utf8'), /^\[hooks\]\nfilename=slot-hook$/m)
  assert.equal(statSync(join(unpacked, 'slot-hook')).mode & 0o111, 0o111, 'it can be run')
  assert.deepEqual((await made(undefined)).hooks, { rootfs: [] })
})

/** The program that RAUC asks about slots, with its files in a directory. `booted`: which slot runs. */
class Choice {
  readonly #home = mkdtempSync(join(dir, 'choice-'))
  readonly #program = join(this.#home, 'tryboot')
  readonly #autoboot = join(this.#home, 'autoboot.txt')

  constructor() {
    const script = readFileSync(join(root, 'firmware-host/rootfs/usr/lib/outpost/host/tryboot'), 'utf8')
    for (const path of ['/boot/firmware/autoboot.txt', '/var/lib/rauc/next', '/var/lib/rauc/bad', '/proc/cmdline'])
      assert.ok(script.includes(path), path)
    writeFileSync(this.#program, script.replaceAll(/\/(boot\/firmware|var\/lib\/rauc|proc)\//g, `${this.#home}/`), { mode: 0o755 })
    writeFileSync(this.#autoboot, autobootTxt(2, 3))
    this.boot('A')
  }

  boot(slot: 'A' | 'B'): void {
    writeFileSync(join(this.#home, 'cmdline'), `root=PARTUUID=x rauc.slot=${slot} quiet\n`)
  }

  ask(...words: string[]): string {
    const { status, stdout, stderr } = spawnSync(this.#program, words, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout.trim()
  }

  get autoboot(): string {
    return readFileSync(this.#autoboot, 'utf8')
  }
}

test('a slot stands in autoboot.txt when it was found good from inside, and not before', () => {
  const choice = new Choice()
  assert.deepEqual([choice.ask('get-current'), choice.ask('get-primary'), choice.ask('get-state', 'B')], ['A', 'A', 'good'])
  choice.ask('set-state', 'B', 'bad')
  assert.equal(choice.ask('get-state', 'B'), 'bad', 'while it is written')
  choice.ask('set-primary', 'B')
  assert.deepEqual([choice.ask('get-primary'), choice.ask('get-state', 'B')], ['B', 'good'])
  assert.equal(choice.autoboot, autobootTxt(2, 3), 'a power cut now starts the old one')
  choice.boot('B')
  assert.equal(choice.ask('get-current'), 'B')
  choice.ask('set-state', 'B', 'good')
  assert.equal(choice.autoboot, autobootTxt(3, 2))
  assert.equal(choice.ask('get-primary'), 'B')
})

test('a slot whose trial failed is given up, and the one before stays where it was', () => {
  const choice = new Choice()
  choice.ask('set-primary', 'B')
  choice.boot('B')
  choice.ask('set-state', 'B', 'bad')
  choice.boot('A')
  choice.ask('set-state', 'A', 'good')
  assert.deepEqual([choice.ask('get-primary'), choice.ask('get-state', 'B')], ['A', 'bad'])
  assert.equal(choice.autoboot, autobootTxt(2, 3))
})
