import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readLock } from '../parts/npm.ts'
import type { Board } from './board.ts'
import { run } from './run.ts'

/** Bundle: the gateway as it lies in /usr/lib/outpost: what `npm run build` made, the boards, Node, and the one native package. */
/** Lays the bundle into `home`, for all to read. `root` is the checkout, already built. */
export async function layBundle(root: string, home: string, board: Pick<Board, 'arch'>, cache: string): Promise<void> {
  mkdirSync(join(home, 'bin'), { recursive: true })
  for (const name of ['dist', 'LICENSE', 'package.json']) cpSync(join(root, name), join(home, name), { recursive: true })
  mkdirSync(join(home, 'boards'))
  for (const name of readdirSync(join(root, 'boards')))
    if (name.endsWith('.json')) cpSync(join(root, 'boards', name), join(home, 'boards', name))
  layNative(root, home, board)
  writeFileSync(join(home, 'bin/node'), await node(root, board, cache), { mode: 0o755 })
  await openToAll(home)
}

const native = 'node_modules/@serialport/bindings-cpp'

/** The bindings of serialport and all that they need, where npm has it, with the library of this architecture alone. */
export function layNative(root: string, home: string, { arch }: Pick<Board, 'arch'>): void {
  const wanted = [native]
  for (const place of wanted) {
    for (const other of needs(root, place)) if (!wanted.includes(other)) wanted.push(other)
    const from = join(root, place)
    cpSync(from, join(home, place), {
      recursive: true,
      filter: (path) => {
        const inside = path.slice(from.length)
        if (place === native && /^\/(src|binding\.gyp)/.test(inside)) return false
        if (inside.startsWith('/node_modules') || inside.endsWith('.d.ts')) return false
        return !inside.startsWith('/prebuilds/') || (inside.startsWith(`/prebuilds/linux-${arch}`) && !inside.includes('musl'))
      },
    })
  }
}

/** Where the packages lie that a package asks for: in the nearest node_modules, as Node looks for them. */
function needs(root: string, place: string): string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  return (
    Object.keys(dependencies)
      // Headers for compiling, which nobody does here.
      .filter((name) => name !== 'node-addon-api')
      .map((name) => {
        for (let at = place; ; at = at.slice(0, Math.max(at.lastIndexOf('/node_modules/'), 0))) {
          const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
          if (existsSync(join(root, candidate))) return candidate
          if (at === '') throw new Error(`${place} needs ${name}, which is not installed. Run npm ci.`)
        }
      })
  )
}

/** The program of npm's package, whose integrity the lock file has. It is fetched by npm, and kept. */
async function node(root: string, { arch }: Pick<Board, 'arch'>, cache: string): Promise<Buffer> {
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

/**
 * Opens a folder of ours for all to read, and for its owner alone to write; what could be run stays so. A checkout and what was built in it have the mask of whoever made them, and the
 * gateway runs as a user who owns nothing of it.
 */
export async function openToAll(folder: string): Promise<void> {
  await run('chmod', ['-R', 'u+rwX,go+rX,go-w', folder])
}

/** A file of this mode, and the folder that it is in, whatever the mask. */
export function put(path: string, content: string | Uint8Array, mode = 0o644): void {
  folder(dirname(path))
  writeFileSync(path, content)
  chmodSync(path, mode)
}

/** A folder that all may enter, and those above it, whatever the mask. What is there stays as it is. */
export function folder(path: string): void {
  if (existsSync(path)) return
  folder(dirname(path))
  mkdirSync(path)
  chmodSync(path, 0o755)
}
