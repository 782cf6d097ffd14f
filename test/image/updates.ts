import { spawnSync } from 'node:child_process'
import { closeSync, cpSync, openSync, readFileSync, readSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeBundle, versionOf } from '../../firmware-host/image/update-bundle.ts'

/** Updates: bundles of every kind that a box may be brought, made of one root and laid onto a stick. */
export type Bundles = {
  stick: string
  /** The version of the image itself. */
  here: string
  /** Versions that work, each newer than the one before; the bundle is called `good-N`, from 1 on. */
  good: readonly string[]
  /** One whose gateway ends at once, newer than all. */
  bad: string
  /** Octets of the root of a good one. */
  rootBytes: number
}

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

/** The same root with another version: `tree` is what it is made of. */
function packedRoot(tree: string, dir: string, version: string): string {
  const out = join(dir, `root-${version}.squashfs`)
  const release = join(tree, 'usr/lib/os-release')
  writeFileSync(release, readFileSync(release, 'utf8').replace(/^IMAGE_VERSION=.*$/m, `IMAGE_VERSION=${version}`))
  program('mksquashfs', tree, out, '-noappend', '-quiet', '-no-progress', '-b', '256K', '-comp', 'gzip', '-Xcompression-level', '1')
  return out
}

/** `signer`: whose certificate the image trusts. `count`: of good ones. */
export async function makeBundles(
  root: string,
  board: string,
  dir: string,
  signer: { key: string; cert: string },
  count: number,
): Promise<Bundles> {
  const here = await versionOf(root)
  const [dotted = ''] = here.split('+')
  const good = Array.from({ length: count }, (_, index) => `${dotted}+2099010${index + 1}0000`)
  const bad = `${dotted}+209902010000`
  const tree = join(dir, 'tree')
  program('unsquashfs', '-quiet', '-no-progress', '-d', tree, root)
  const make = (name: string, of: string, version: string, by = signer, as = board) =>
    makeBundle({ board: as, root: of, version, ...by, out: join(dir, `${name}.raucb`) })
  let rootBytes = 0
  for (const [index, version] of good.entries()) {
    const packed = packedRoot(tree, dir, version)
    await make(`good-${index + 1}`, packed, version)
    rootBytes = statSync(packed).size
    rmSync(packed)
  }
  writeFileSync(join(tree, 'usr/lib/outpost/dist/outpost.cjs'), 'process.exit(3)\n')
  const broken = packedRoot(tree, dir, bad)
  rmSync(tree, { recursive: true })
  await make('bad', broken, bad)
  rmSync(broken)
  await make('older', root, '0.0.1+202601010000')
  await make('stranger', root, `${dotted}+209903010000`, makeKey(dir, 'stranger'))
  await make('foreign', root, `${dotted}+209903010000`, signer, 'raspberry-pi-4b')
  const at = (name: string) => join(dir, `${name}.raucb`)
  cpSync(at('good-1'), at('tampered'))
  flip(at('tampered'), Math.floor(statSync(at('good-1')).size / 2))
  cpSync(at('good-1'), at('cut'))
  truncateSync(at('cut'), 1_000_000)
  cpSync(at('good-1'), at('unsigned'))
  truncateSync(at('unsigned'), signatureAt(at('good-1')))
  const names = [...good.map((_, index) => `good-${index + 1}`), 'bad', 'older', 'stranger', 'foreign', 'tampered', 'cut', 'unsigned'].map(
    at,
  )
  const stick = join(dir, 'stick.img')
  writeFileSync(stick, '')
  truncateSync(
    stick,
    names.reduce((sum, path) => sum + statSync(path).size, 64 * 1024 * 1024),
  )
  program('mkfs.vfat', '-F', '32', stick)
  program('mcopy', '-i', stick, ...names, '::')
  for (const path of names) rmSync(path)
  return { stick, here, good, bad, rootBytes }
}

/** Where the signature of a bundle begins: its last eight octets say how long it is (RAUC's reference, bundle formats). */
function signatureAt(path: string): number {
  const { size } = statSync(path)
  const file = openSync(path, 'r')
  const length = Buffer.alloc(8)
  readSync(file, length, 0, 8, size - 8)
  closeSync(file)
  return size - 8 - Number(length.readBigUInt64BE())
}

/** Changes one bit. */
function flip(path: string, at: number): void {
  const file = openSync(path, 'r+')
  const octet = Buffer.alloc(1)
  readSync(file, octet, 0, 1, at)
  octet[0] = (octet[0] ?? 0) ^ 1
  writeSync(file, octet, 0, 1, at)
  closeSync(file)
}
