import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Board } from '../../firmware-host/image/board.ts'
import { layoutFor, partition, type Role } from '../../firmware-host/image/layout.ts'
import { autobootTxt } from '../../firmware-host/image/raspberry-pi.ts'

/** What can be told of an image for a Raspberry Pi without one: its partitions and files; and how far its kernel and root come in QEMU's raspi3b, which has no boot ROM of its own. */
export type PiFacts = Board & { boot: { recipe: 'raspberry-pi' } }

const mtool = (program: string, image: string, offset: number, ...args: string[]): Buffer => {
  const done = spawnSync(program, ['-i', `${image}@@${offset}`, ...args], {
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
  })
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.stderr}`)
  return done.stdout
}

export class PiImage {
  readonly #image: string
  readonly #board: PiFacts
  readonly #offset: (role: Role) => number

  constructor(image: string, board: PiFacts) {
    this.#image = image
    this.#board = board
    const layout = layoutFor(board)
    this.#offset = (role) => partition(layout, role).offset
  }

  read(role: Role, name: string): Buffer {
    return mtool('mtype', this.#image, this.#offset(role), `::${name}`)
  }

  names(role: Role): string[] {
    return mtool('mdir', this.#image, this.#offset(role), '-b', '-/', '::')
      .toString()
      .split('\n')
      .map((line) => line.replace('::/', ''))
  }

  /** The start partition: boot ROM's program, the choice of the slot, and what a person may write. */
  checkStart(): void {
    const names = this.names('start').map((name) => name.toLowerCase())
    for (const name of ['bootcode.bin', 'autoboot.txt', 'readme.txt', 'outpost.example.json'])
      assert.ok(names.includes(name), `${name} is on the start partition`)
    assert.equal(this.read('start', 'autoboot.txt').toString(), autobootTxt(2, 3))
    // The boot ROM and the firmware know bootcode.bin of this size class; an empty one would be a build that went wrong.
    assert.ok(this.read('start', 'bootcode.bin').length > 40_000)
  }

  checkBootSlot(): void {
    const names = this.names('boot-a')
    const { deviceTree } = this.#board.boot
    for (const name of [
      'start.elf',
      'fixup.dat',
      'start4.elf',
      'fixup4.dat',
      'config.txt',
      'cmdline.txt',
      'cmdline.a',
      'cmdline.b',
      'vmlinuz',
      'initrd.img',
      deviceTree,
    ])
      assert.ok(names.includes(name), `${name} is in the boot slot`)
    const config = this.read('boot-a', 'config.txt').toString().split('\n')
    for (const line of [...this.#board.boot.configTxt, 'kernel=vmlinuz', 'initramfs initrd.img followkernel', `device_tree=${deviceTree}`])
      assert.ok(config.includes(line), `config.txt says ${line}`)
    // arch/arm64 booting.rst: the magic number of an Image, which the firmware starts as it is.
    assert.equal(this.read('boot-a', 'vmlinuz').toString('latin1', 56, 60), 'ARM\x64')
    assert.equal(this.read('boot-a', deviceTree).readUInt32BE(0), 0xd00dfeed)
    const words = this.read('boot-a', 'cmdline.txt').toString()
    assert.equal(words.trimEnd().split('\n').length, 1, 'cmdline.txt is one line')
    assert.ok(words.includes(`root=PARTUUID=${partition(layoutFor(this.#board), 'root-a').uuid} `))
  }

  /** Each overlay of config.txt fits the device tree beside it. */
  checkOverlays(): string {
    const dir = mkdtempSync(join(tmpdir(), 'outpost-dt-'))
    try {
      writeFileSync(join(dir, 'base.dtb'), this.read('boot-a', this.#board.boot.deviceTree))
      const overlays = [...new Set(this.#board.boot.configTxt.flatMap((line) => /^dtoverlay=([^,]+)/.exec(line)?.[1] ?? []))]
      for (const name of overlays) {
        writeFileSync(join(dir, `${name}.dtbo`), this.read('boot-a', `overlays/${name}.dtbo`))
        const done = spawnSync('fdtoverlay', ['-i', join(dir, 'base.dtb'), '-o', join(dir, 'out.dtb'), join(dir, `${name}.dtbo`)], {
          encoding: 'utf8',
        })
        assert.equal(done.status, 0, `${name} fits: ${done.stderr}`)
      }
      return overlays.join(', ')
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  }

  checkRoots(): void {
    const magic = (role: Role) => {
      const file = openSync(this.#image, 'r')
      const bytes = Buffer.alloc(4)
      readSync(file, bytes, 0, 4, this.#offset(role))
      closeSync(file)
      return bytes.toString('latin1')
    }
    assert.equal(magic('root-a'), 'hsqs', 'root A is squashfs')
    assert.equal(magic('root-b'), '\0\0\0\0', 'root B waits for the first update')
  }

  /** Kernel, initramfs and the words that go with them, for a machine with a boot loader of another kind; `dir` is where the files go. */
  kernel(dir: string): { image: string; initrd: string; words: string } {
    const [image, initrd] = ['vmlinuz', 'initrd.img'].map((name) => {
      writeFileSync(join(dir, name), this.read('boot-a', name))
      return join(dir, name)
    }) as [string, string]
    return { image, initrd, words: this.read('boot-a', 'cmdline.txt').toString().trim() }
  }

  /**
   * Kernel, initramfs, device tree (with disable-bt, as the firmware would have done it) and card by hand. Resolves with the last stage that was reached, as a line of the console.
   */
  async boot(seconds: number, reached: RegExp): Promise<string> {
    const dir = mkdtempSync(join(tmpdir(), 'outpost-pi-'))
    const card = join(dir, 'card.img')
    try {
      spawnSync('cp', ['--sparse=always', this.#image, card])
      // QEMU's card has a size that is a power of two.
      truncateSync(card, 2 ** Math.ceil(Math.log2(statSync(card).size)))
      for (const name of ['vmlinuz', 'initrd.img', this.#board.boot.deviceTree, 'overlays/disable-bt.dtbo'])
        writeFileSync(join(dir, name.replace('overlays/', '')), this.read('boot-a', name))
      const overlaid = spawnSync('fdtoverlay', [
        '-i',
        join(dir, this.#board.boot.deviceTree),
        '-o',
        join(dir, 'pi.dtb'),
        join(dir, 'disable-bt.dtbo'),
      ])
      assert.equal(overlaid.status, 0)
      // QEMU's watchdog of this board resets at once when it is set, so it is not set.
      const words = `${this.read('boot-a', 'cmdline.txt').toString().trim().replace('quiet loglevel=4', '')} console=ttyAMA0,115200 systemd.show_status=yes systemd.watchdog_sec=off`
      const console = join(dir, 'console.txt')
      writeFileSync(console, '')
      const args = [
        ['-M', 'raspi3b'],
        ['-kernel', join(dir, 'vmlinuz')],
        ['-initrd', join(dir, 'initrd.img')],
        ['-dtb', join(dir, 'pi.dtb')],
        ['-append', words],
        ['-drive', `file=${card},if=sd,format=raw`],
        ['-serial', `file:${console}`],
        ['-display', 'none'],
        ['-no-reboot'],
      ].flat()
      const child = spawn('qemu-system-aarch64', args, { stdio: 'ignore' })
      const late = performance.now() + seconds * 1000
      try {
        while (performance.now() < late && child.exitCode === null && !reached.test(readFileSync(console, 'utf8')))
          await new Promise((resolve) => setTimeout(resolve, 1000))
      } finally {
        child.kill('SIGKILL')
      }
      const said = readFileSync(console, 'utf8')
      const hit = reached.exec(said)
      if (!hit) throw new Error(`The console ended with:\n${said.slice(-3000)}`)
      return hit[0]
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  }
}
