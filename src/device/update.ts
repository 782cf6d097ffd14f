import { type Disk, type DiskFile, isDiskError, replaceFile, writeAll } from '../ports/disk.ts'
import type { Sys } from '../ports/sys.ts'

/**
 * Update: a new system for a box that was flashed. The gateway has no rights over it: it puts the bundle and one word into its own directory, and reads what became of them in a file that only root writes
 * (firmware-host/update). Whether a bundle is good is for its signature to say.
 */
export const statusPath = '/run/outpost-update/status.json'

export const stages = ['idle', 'checking', 'checked', 'refused', 'installing', 'installed', 'trial', 'rolled-back'] as const
export type Stage = (typeof stages)[number]

export type System = {
  version: string
  /** The slot that runs. */
  slot: string
  state: Stage
  /** The version that the state is about. */
  bundle?: string
  percent?: number
  /** A sentence. */
  why?: string
  /** Which request it answers, in the words of whoever asked. */
  request?: string
}

/** Undefined: the system was not flashed, and is updated by whatever installed it. */
export async function systemOf(sys: Sys): Promise<System | undefined> {
  const text = await sys.read(statusPath)
  if (text === undefined) return undefined
  try {
    return systemIn(JSON.parse(text))
  } catch {
    return undefined
  }
}

function systemIn(value: unknown): System | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { version, slot, state, bundle, percent, why, request } = value as Record<string, unknown>
  const known = stages.find((one) => one === state)
  if (typeof version !== 'string' || typeof slot !== 'string' || !known) return undefined
  return {
    version,
    slot,
    state: known,
    ...(typeof bundle === 'string' ? { bundle } : {}),
    ...(typeof percent === 'number' ? { percent } : {}),
    ...(typeof why === 'string' ? { why } : {}),
    ...(typeof request === 'string' ? { request } : {}),
  }
}

/** Largest bundle, in octets. */
export const bundleLimit = 1024 * 1024 * 1024

/** What became of a piece. `here`: octets that are here now. */
export type Put = { kind: 'taken'; here: number } | { kind: 'gap'; here: number } | { kind: 'large' } | { kind: 'full'; missing: number }

/** What was wrong with a piece, and what to do. */
export function whyNotTaken(put: Exclude<Put, { kind: 'taken' }>): { error: string; hint: string } {
  switch (put.kind) {
    case 'gap':
      return {
        error: `This piece does not go on where the last one ended (${put.here} octets are here): another upload came between.`,
        hint: 'Begin anew at offset 0, and let one upload end before the next.',
      }
    case 'large':
      return {
        error: `A bundle has at most ${bundleLimit / 1_048_576} MiB, and this is more.`,
        hint: 'Look whether it is a bundle: a file whose name ends with .raucb.',
      }
    case 'full':
      return {
        error: `The disk has no room for it beside what the journal may still take: ${Math.ceil(put.missing / 1_048_576)} MiB are missing for the next piece.`,
        hint: 'Free some, or lower queue.maxMiB.',
      }
    default:
      return put satisfies never
  }
}

/** Where the bundle is put. `dir`: the data directory. */
export class Hatch {
  readonly #disk: Disk
  readonly #root: string
  readonly #dir: string

  constructor(disk: Disk, dir: string) {
    this.#disk = disk
    this.#root = dir
    this.#dir = `${dir}/update`
  }

  /** Octets that are here. */
  async received(): Promise<number> {
    return (await this.#disk.size(this.#part)) ?? 0
  }

  /**
   * The next piece; at 0 it begins anew. `journalBytes`: what the journal may have on the disk; so much of it as does not stand there yet stays free. Rejects with DiskError.
   */
  async put(offset: number, bytes: Uint8Array, journalBytes: number): Promise<Put> {
    await this.#disk.makeDir(this.#dir)
    if (offset === 0) await this.#remove(this.#part)
    const here = await this.received()
    if (offset !== here) return { kind: 'gap', here }
    if (offset + bytes.length > bundleLimit) return { kind: 'large' }
    const room = await this.#disk.room(this.#dir)
    const missing = bytes.length + Math.max(0, journalBytes - (await this.#journalStands())) - room.bytes
    if (missing > 0) return { kind: 'full', missing }
    await this.#open(async (file) => {
      await writeAll(file, offset, bytes)
      await file.sync()
    })
    return { kind: 'taken', here: offset + bytes.length }
  }

  /** It is whole: root may look at it. `request` names the answer: what stands in the status until then is of an earlier one. */
  async check(request: string): Promise<void> {
    await this.#disk.rename(this.#part, `${this.#dir}/bundle.raucb`)
    await this.#ask('check', request)
  }

  /** What was found good is installed, and the box restarts. The settings of now are kept: should the box go back, the old software may not understand newer ones. */
  async install(request: string): Promise<void> {
    await replaceFile(this.#disk, this.#dir, keptName, await this.#disk.read(`${this.#root}/settings.json`))
    await this.#ask('install', request)
  }

  /** The settings before the last update; undefined: there was none. */
  async settingsBefore(): Promise<string | undefined> {
    try {
      return Buffer.from(await this.#disk.read(`${this.#dir}/${keptName}`)).toString()
    } catch (error) {
      if (isDiskError(error, 'ENOENT')) return undefined
      throw error
    }
  }

  /** Octets of the files of the journal. They are asked for by themselves: a gateway that stands still must be updated, too. */
  async #journalStands(): Promise<number> {
    const dir = `${this.#root}/journal`
    try {
      const sizes = await Promise.all((await this.#disk.list(dir)).map((name) => this.#disk.size(`${dir}/${name}`)))
      return sizes.reduce((sum: number, size) => sum + (size ?? 0), 0)
    } catch (error) {
      if (isDiskError(error, 'ENOENT')) return 0
      throw error
    }
  }

  get #part(): string {
    return `${this.#dir}/bundle.part`
  }

  async #ask(wish: 'check' | 'install', request: string): Promise<void> {
    await replaceFile(this.#disk, this.#dir, 'request.json', Buffer.from(JSON.stringify({ do: wish, request })))
  }

  async #open(deed: (file: DiskFile) => Promise<void>): Promise<void> {
    const file = await this.#disk.open(this.#part, { create: true })
    try {
      await deed(file)
    } finally {
      await file.close()
    }
  }

  async #remove(path: string): Promise<void> {
    if ((await this.#disk.size(path)) !== undefined) await this.#disk.remove(path)
  }
}

const keptName = 'settings.json'
