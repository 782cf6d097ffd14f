import { spawnSync } from 'node:child_process'
import { cpSync, openSync, readFileSync, readSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeBundle, versionOf } from '../../firmware-host/image/update-bundle.ts'

/** Updates: bundles of every kind that a box may be brought, made of one root and laid onto a stick. */
export type Bundles = { stick: string; here: string; good: string; bad: string }

const program = (name: string, ...args: string[]): void => {
  const done = spawnSync(name, args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${name} ${args[0]}: ${done.error?.message ?? done.stderr}`)
}

/** A key and a certificate of its own, as whoever makes images has them. */
export function makeKey(dir: string, name: string): { key: string; cert: string } {
  const [key, cert] = [join(dir, `${name}.key.pem`), join(dir, `${name}.cert.pem`)]
  program(
    'openssl',
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    '-days',
    '36500',
    '-subj',
    `/CN=${name}`,
  )
  return { key, cert }
}

/** The same root with another version, and whatever else `change` does to it. */
function changedRoot(root: string, dir: string, version: string, change: (tree: string) => void = () => {}): string {
  const tree = join(dir, 'tree')
  const out = join(dir, `root-${version}.squashfs`)
  program('unsquashfs', '-quiet', '-no-progress', '-d', tree, root)
  const release = join(tree, 'usr/lib/os-release')
  writeFileSync(release, readFileSync(release, 'utf8').replace(/^IMAGE_VERSION=.*$/m, `IMAGE_VERSION=${version}`))
  change(tree)
  program('mksquashfs', tree, out, '-noappend', '-quiet', '-no-progress', '-b', '256K', '-comp', 'gzip', '-Xcompression-level', '1')
  rmSync(tree, { recursive: true })
  return out
}

/** `signer`: whose certificate the image trusts. */
export async function makeBundles(root: string, board: string, dir: string, signer: { key: string; cert: string }): Promise<Bundles> {
  const here = await versionOf(root)
  const [dotted = ''] = here.split('+')
  const [good, bad] = [`${dotted}+209901010000`, `${dotted}+209902010000`]
  const make = (out: string, of: string, version: string, by = signer) =>
    makeBundle({ board, root: of, version, ...by, out: join(dir, out) })
  const goodRoot = changedRoot(root, dir, good)
  await make('good.raucb', goodRoot, good)
  await make(
    'bad.raucb',
    changedRoot(root, dir, bad, (tree) => writeFileSync(join(tree, 'usr/lib/outpost/dist/outpost.cjs'), 'process.exit(3)\n')),
    bad,
  )
  await make('older.raucb', root, '0.0.1+202601010000')
  await make('stranger.raucb', root, `${dotted}+209903010000`, makeKey(dir, 'stranger'))
  await makeBundle({ board: 'raspberry-pi-4b', root, version: `${dotted}+209903010000`, ...signer, out: join(dir, 'foreign.raucb') })
  cpSync(join(dir, 'good.raucb'), join(dir, 'tampered.raucb'))
  flip(join(dir, 'tampered.raucb'), Math.floor(statSync(join(dir, 'good.raucb')).size / 2))
  cpSync(join(dir, 'good.raucb'), join(dir, 'cut.raucb'))
  truncateSync(join(dir, 'cut.raucb'), 1_000_000)
  const names = ['good', 'bad', 'older', 'stranger', 'foreign', 'tampered', 'cut'].map((name) => join(dir, `${name}.raucb`))
  const stick = join(dir, 'stick.img')
  writeFileSync(stick, '')
  truncateSync(
    stick,
    names.reduce((sum, path) => sum + statSync(path).size, 64 * 1024 * 1024),
  )
  program('mkfs.vfat', '-F', '32', stick)
  program('mcopy', '-i', stick, ...names, '::')
  for (const path of names) rmSync(path)
  return { stick, here, good, bad }
}

/** Changes one bit. */
function flip(path: string, at: number): void {
  const file = openSync(path, 'r+')
  const octet = Buffer.alloc(1)
  readSync(file, octet, 0, 1, at)
  octet[0] = (octet[0] ?? 0) ^ 1
  writeSync(file, octet, 0, 1, at)
}
