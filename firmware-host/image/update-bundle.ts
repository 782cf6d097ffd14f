import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { put } from './bundle.ts'
import { run } from './run.ts'

/**
 * `npm run bundle -- --image FILE.img.zst --board NAME --key KEY.pem --cert CERTIFICATE.pem [--out FILE.raucb]`: what a box with that board's image is updated by. Needs what `npm run image` left beside the image:
 * the root, and for a Raspberry Pi the boot partition. The version is that of the root; the signature is by RAUC (format verity: each block is verified as it is read).
 */
const usage = 'npm run bundle -- --image FILE.img.zst --board NAME --key KEY.pem --cert CERTIFICATE.pem [--out FILE.raucb]'

export type BundleOptions = { board: string; root: string; boot?: string; version: string; key: string; cert: string; out: string }

/** manifest.raucm. Pure. */
export const manifest = ({ board, version, boot }: Pick<BundleOptions, 'board' | 'version' | 'boot'>): string =>
  [
    '[update]',
    `compatible=outpost-${board}`,
    `version=${version}`,
    '',
    '[bundle]',
    'format=verity',
    '',
    '[image.rootfs]',
    'filename=root.img',
    ...(boot === undefined ? [] : ['', '[image.boot]', 'filename=boot.img', 'hooks=post-install', '', '[hooks]', 'filename=slot-hook']),
    '',
  ].join('\n')

export async function makeBundle(options: BundleOptions): Promise<void> {
  const { root, boot, key, cert, out } = options
  const work = mkdtempSync(join(tmpdir(), 'outpost-bundle-'))
  try {
    put(join(work, 'bundle/manifest.raucm'), manifest(options))
    await run('cp', [root, join(work, 'bundle/root.img')])
    if (boot !== undefined) {
      await run('cp', [boot, join(work, 'bundle/boot.img')])
      await run('install', ['-m', '755', join(import.meta.dirname, 'slot-hook'), join(work, 'bundle/slot-hook')])
    }
    rmSync(out, { force: true })
    await run('rauc', [`--cert=${cert}`, `--key=${key}`, 'bundle', join(work, 'bundle'), out])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** IMAGE_VERSION of a root. */
export async function versionOf(root: string): Promise<string> {
  const text = (await run('unsquashfs', ['-cat', root, 'usr/lib/os-release'])).toString()
  const version = /^IMAGE_VERSION=(.*)$/m.exec(text)?.[1]
  if (version === undefined) throw new Error(`${root} is no root of an image.`)
  return version
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      image: { type: 'string' },
      board: { type: 'string' },
      key: { type: 'string' },
      cert: { type: 'string' },
      out: { type: 'string' },
    },
  })
  const { image, board, key, cert } = values
  if (image === undefined || board === undefined || key === undefined || cert === undefined) throw new Error(usage)
  const stem = resolve(image).replace(/\.img(\.zst)?$/, '')
  const root = `${stem}.root.squashfs`
  const boot = `${stem}.boot.fat`
  const hasBoot = statSync(boot, { throwIfNoEntry: false }) !== undefined
  readFileSync(key)
  const version = await versionOf(root)
  const out = resolve(values.out ?? `${stem}.raucb`)
  await makeBundle({ board, root, version, key, cert, out, ...(hasBoot ? { boot } : {}) })
  console.log(`${out}: version ${version}, ${(statSync(out).size / 1e6).toFixed(1)} MB`)
}

if (import.meta.main)
  await main().catch((error) => {
    console.error(`bundle: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  })
