import type { Sys } from '../../../src/ports/sys.ts'

/** A machine whose /sys and /proc are a map. Writing takes only what is there, as the kernel has it. */
export class SimSys implements Sys {
  readonly arch: string
  readonly files: Map<string, string>
  /** Every write that was taken, in order. */
  readonly written: [string, string][] = []
  /** Of every file. */
  device: string | undefined
  /** Who listens to which device. */
  readonly followed = new Map<string, { data(bytes: Uint8Array): void; closed(why: string): void }>()
  /** Paths that refuse to be written. */
  readonly refuses = new Set<string>()

  constructor(files: Record<string, string> = {}, arch = 'arm64') {
    this.files = new Map(Object.entries(files))
    this.arch = arch
  }

  async read(path: string): Promise<string | undefined> {
    return this.files.get(path)
  }

  async list(dir: string): Promise<string[]> {
    const names = [...this.files.keys()].flatMap((path) =>
      path.startsWith(`${dir}/`) ? (path.slice(dir.length + 1).split('/')[0] ?? []) : [],
    )
    return [...new Set(names)].sort()
  }

  async write(path: string, text: string): Promise<string | undefined> {
    if (!this.files.has(path) || this.refuses.has(path)) return `cannot write ${path}`
    this.files.set(path, text)
    this.written.push([path, text])
    return undefined
  }

  async deviceOf(): Promise<string | undefined> {
    return this.device
  }

  follow(path: string, on: { data(bytes: Uint8Array): void; closed(why: string): void }): () => void {
    this.followed.set(path, on)
    return () => void this.followed.delete(path)
  }
}

/** struct input_event on a 64-bit machine. */
export function keyEvent(type: number, code: number, value: number): Buffer {
  const bytes = Buffer.alloc(24)
  bytes.writeBigInt64LE(1_700_000_000n, 0)
  bytes.writeUInt16LE(type, 16)
  bytes.writeUInt16LE(code, 18)
  bytes.writeInt32LE(value, 20)
  return bytes
}
