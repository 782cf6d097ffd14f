import type { ChildProcess } from 'node:child_process'
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { apply, parse } from '../../faults/entries.ts'
import { run, start, stop, until } from '../../peers/process.ts'
import type { SimRandom } from '../../sim/world/random.ts'

/**
 * A disk that can lose its power: an ext4 on a loop device over a file system that logs every write and flush (test/faults/blocklog.c). After a
 * cut there is on it what stood before the last flush, and of the writes after it a random half, a fifth of them torn at 512 octets.
 */
const imageBytes = 96 * 1024 * 1024
const source = new URL('../../faults/blocklog.c', import.meta.url).pathname

export class LoggedDisk {
  /** Where it is mounted. */
  readonly path: string
  readonly #dir: string
  readonly #program: string
  #fuse: ChildProcess | undefined
  #loop = ''
  #life = 0

  constructor(dir: string, program: string) {
    this.#dir = dir
    this.#program = program
    this.path = `${dir}/box`
    mkdirSync(this.path, { recursive: true })
  }

  static compile(dir: string): string {
    run('sh', ['-c', `gcc -O1 -o ${dir}/blocklog ${source} $(pkg-config --cflags --libs fuse3)`])
    return `${dir}/blocklog`
  }

  get #image(): string {
    return `${this.#dir}/image-${this.#life}`
  }

  get #log(): string {
    return `${this.#dir}/log-${this.#life}`
  }

  async make(): Promise<void> {
    run('sh', ['-c', `truncate -s ${imageBytes} ${this.#image} && mkfs.ext4 -q -F ${this.#image}`])
    await this.#mount()
  }

  /**
   * Whoever uses it has been killed in this moment. The image of every life is a file of its own: what the kernel still holds of an old one
   * cannot reach it.
   */
  async cut(random: SimRandom): Promise<void> {
    const octets = statSync(this.#log).size
    const base = readFileSync(`${this.#image}.base`)
    const log = readFileSync(this.#log).subarray(0, octets)
    await this.unmount()
    this.#crash(base, log, random)
    this.#life++
    spawnSync('e2fsck', ['-fy', this.#image], { stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } })
    await this.#mount()
  }

  #crash(image: Buffer, log: Buffer, random: SimRandom): void {
    const entries = parse(log)
    const flush = entries.findLastIndex(({ entry }) => entry === 'flush')
    for (const [index, { entry }] of entries.entries()) {
      if (index <= flush) apply(image, entry)
      else if (!random.once(2)) apply(image, entry, random.once(5) ? random : undefined)
    }
    const file = openSync(`${this.#dir}/image-${this.#life + 1}`, 'w')
    writeSync(file, image)
    closeSync(file)
  }

  async #mount(): Promise<void> {
    // What the life begins with; the log is applied to it.
    writeFileSync(`${this.#image}.base`, readFileSync(this.#image))
    const fuse = `${this.#dir}/fuse`
    mkdirSync(fuse, { recursive: true })
    this.#fuse = start(this.#program, [this.#image, this.#log, fuse])
    await until('the logging disk is there', 5000, () => existsSync(`${fuse}/disk`))
    this.#loop = run('losetup', ['-f', '--show', `${fuse}/disk`]).trim()
    run('mount', ['-o', 'noatime', this.#loop, this.path])
  }

  async unmount(): Promise<void> {
    const quietly = (command: string, args: string[]) =>
      spawnSync(command, args, { stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } }).status
    await until(`${this.path} is not used any more`, 10_000, () => this.#loop === '' || quietly('umount', [this.path]) === 0)
    if (this.#loop) quietly('losetup', ['-d', this.#loop])
    this.#loop = ''
    quietly('fusermount3', ['-u', `${this.#dir}/fuse`])
    await stop(this.#fuse)
    for (const name of [this.#log, `${this.#image}.base`, this.#image]) rmSync(name, { force: true })
  }
}
