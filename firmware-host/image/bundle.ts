import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Board } from './board.ts'
import { run } from './run.ts'

/** Bundle: the gateway as it lies in /usr/lib/outpost: what `npm run build` made, the boards, Node, and the one native package. */
type Lock = { packages: Record<string, LockEntry> }
export type LockEntry = { version?: string; integrity?: string; license?: string; dev?: boolean; optional?: boolean }

export const readLock = (root: string): Lock => JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock

/** Lays the bundle into `home`. `root` is the checkout, already built. */
export async function layBundle(root: string, home: string, board: Board, cache: string): Promise<void> {
  mkdirSync(join(home, 'bin'), { recursive: true })
  for (const name of ['dist', 'LICENSE', 'package.json']) cpSync(join(root, name), join(home, name), { recursive: true })
  mkdirSync(join(home, 'boards'))
  for (const name of readdirSync(join(root, 'boards')))
    if (name.endsWith('.json')) cpSync(join(root, 'boards', name), join(home, 'boards', name))
  layNative(root, home, board)
  writeFileSync(join(home, 'bin/node'), await node(root, board, cache), { mode: 0o755 })
}

const native = '@serialport/bindings-cpp'

/** The bindings of serialport and what they need, with the library of this architecture alone. */
function layNative(root: string, home: string, { arch }: Board): void {
  const wanted = [native]
  for (const name of wanted) {
    const from = join(root, 'node_modules', name)
    const { dependencies = {} } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { dependencies?: Record<string, string> }
    // Headers for compiling, which nobody does here.
    const needed = Object.keys(dependencies).filter((other) => other !== 'node-addon-api' && !existsSync(join(from, 'node_modules', other)))
    for (const other of needed) if (!wanted.includes(other)) wanted.push(other)
    cpSync(from, join(home, 'node_modules', name), {
      recursive: true,
      filter: (path) => {
        const inside = path.slice(from.length)
        if (/^\/(src|binding\.gyp)/.test(inside) || inside.endsWith('.d.ts')) return false
        return !inside.startsWith('/prebuilds/') || (inside.startsWith(`/prebuilds/linux-${arch}`) && !inside.includes('musl'))
      },
    })
  }
}

/** The program of npm's package, whose integrity the lock file has. It is fetched by npm, and kept. */
async function node(root: string, { arch }: Board, cache: string): Promise<Buffer> {
  const name = `node-linux-${arch}`
  const { version, integrity } = readLock(root).packages[`node_modules/${name}`] ?? {}
  if (version === undefined || integrity === undefined) throw new Error(`package-lock.json does not know ${name}.`)
  const tarball = join(cache, `${name}-${version}.tgz`)
  mkdirSync(cache, { recursive: true })
  if (!existsSync(tarball)) await run('npm', ['pack', '--silent', '--pack-destination', cache, `${name}@${version}`], { cwd: cache })
  const found = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`
  if (found !== integrity) throw new Error(`${tarball} is not what package-lock.json says: ${found}. Delete it and try again.`)
  return run('tar', ['-xzOf', tarball, 'package/bin/node'])
}

/** Everything of npm that is in the bundle: not what only builds and tests it. */
export const shippedPackages = (root: string): { name: string; entry: LockEntry }[] =>
  Object.entries(readLock(root).packages)
    .filter(([path, { dev, optional }]) => path !== '' && !dev && !optional)
    .map(([path, entry]) => ({ name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length), entry }))

/** Folder that a file is in, made. */
export function put(path: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content, { mode })
}
