import { spawn } from 'node:child_process'

/**
 * Run: programs of the building machine. What they say is kept, and shown when they fail. Of the machine's own ways they see nothing: language, time zone (a FAT has local times) and
 * mask are the same everywhere.
 */
export class ProgramFailed extends Error {}

export type RunOptions = { env?: Readonly<Record<string, string>>; cwd?: string; stdin?: Uint8Array }

/** Does something with the mask under which others may read what is made, and nobody may change it. */
function withMask<T>(deed: () => T): T {
  const own = process.umask(0o022)
  try {
    return deed()
  } finally {
    process.umask(own)
  }
}

/** Runs a program; resolves with its standard output. Rejects with ProgramFailed, whose message ends with the last lines that it said. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // A child begins with the mask that its parent has at that moment.
    const child = withMask(() =>
      spawn(program, args, {
        stdio: [options.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        env: {
          PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          HOME: process.env.HOME,
          LC_ALL: 'C.UTF-8',
          TZ: 'UTC',
          ...options.env,
        },
      }),
    )
    const out: Buffer[] = []
    let said = ''
    child.stdout?.on('data', (bytes: Buffer) => out.push(bytes))
    child.stderr?.on('data', (bytes: Buffer) => {
      said = `${said}${bytes}`.slice(-4000)
    })
    child.stdin?.end(options.stdin)
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(new ProgramFailed(error.code === 'ENOENT' ? `${program} is missing. ${packageOf(program)}` : error.message)),
    )
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out))
      const last = (said || Buffer.concat(out).toString()).trimEnd().split('\n').slice(-15).join('\n')
      reject(new ProgramFailed(`${program} ${args.slice(0, 6).join(' ')} … failed (${signal ?? code}):\n${last}`))
    })
  })
}

/** Debian packages of the programs that the builder calls. */
export const programs: Readonly<Record<string, string>> = {
  mmdebstrap: 'mmdebstrap',
  mksquashfs: 'squashfs-tools',
  'mkfs.vfat': 'dosfstools',
  mcopy: 'mtools',
  mmd: 'mtools',
  mke2fs: 'e2fsprogs',
  zstd: 'zstd',
  bmaptool: 'bmap-tools',
  rauc: 'rauc',
  unsquashfs: 'squashfs-tools',
  fdtoverlay: 'device-tree-compiler',
  dtc: 'device-tree-compiler',
  'qemu-aarch64-static': 'qemu-user-static',
}

const packageOf = (program: string): string => (programs[program] === undefined ? '' : `On Debian: apt-get install ${programs[program]}`)
