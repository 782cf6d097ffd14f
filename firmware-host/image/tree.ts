import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Board, debianArch } from './board.ts'
import { componentsFor, keptAll, leftOut, packagesFor } from './packages.ts'
import { run } from './run.ts'

/**
 * Tree: Debian's part of the root, as a tar. It is kept by the list of its packages, because making it takes a minute for x86-64 and a quarter of an hour for arm64 under emulation. It
 * does not depend on the commit: its own epoch is 1, so whoever makes it from the same packages gets the same octets.
 */
export type Source = { mirror: string; security: string; suite: string }

const epoch = '1'
/** Raised when the way the tree is made changes. */
const edition = 3

/** Of what the initramfs is made: drivers of any disk, because a PC may have any. */
const initramfsConf = 'MODULES=most\nCOMPRESS=zstd\nCOMPRESSLEVEL=15\nFSTYPE=squashfs\nRESUME=none\n'
/** squashfs is no disk driver, so it must be named. */
const initramfsHook = '#!/bin/sh\n[ "$1" = prereqs ] && exit 0\n. /usr/share/initramfs-tools/hook-functions\nmanual_add_modules squashfs\n'

export function treeKey(board: Board, { suite }: Source): string {
  const what = [edition, board.arch, suite, packagesFor(board), leftOut(board), keptAll, initramfsConf, initramfsHook]
  return `${debianArch(board)}-${createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 12)}`
}

/** Path of the tar, made when it is not in `cache`. */
export async function debianTree(board: Board, source: Source, cache: string, say: (what: string) => void): Promise<string> {
  const tar = join(cache, `${treeKey(board, source)}.tar`)
  if (existsSync(tar)) return tar
  if (process.getuid?.() !== 0) throw new Error('The root of an image belongs to root, so it can only be made by root. Run this with sudo.')
  await canRun(board)
  await mkdir(cache, { recursive: true })
  say(`Debian ${source.suite} for ${debianArch(board)}: ${packagesFor(board).length} packages and what they need`)
  const part = `${tar}.part.tar`
  await rm(part, { force: true })
  const entries = [
    `deb ${source.mirror} ${source.suite} ${componentsFor(board)}`,
    `deb ${source.mirror} ${source.suite}-updates ${componentsFor(board)}`,
    `deb ${source.security} ${source.suite}-security ${componentsFor(board)}`,
  ]
  const put = (path: string, text: string, mode: string) =>
    `--essential-hook=mkdir -p "$1/${path.slice(0, path.lastIndexOf('/'))}" && printf %s ${quoted(text)} > "$1/${path}" && chmod ${mode} "$1/${path}"`
  await run(
    'mmdebstrap',
    [
      '--mode=root',
      '--variant=essential',
      // canRun() has looked already.
      '--skip=check/qemu',
      `--architectures=${debianArch(board)}`,
      `--include=${packagesFor(board).join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      ...leftOut(board).map((path) => `--dpkgopt=path-exclude=${path}`),
      ...keptAll.map((path) => `--dpkgopt=path-include=${path}`),
      put('etc/initramfs-tools/conf.d/outpost', initramfsConf, '0644'),
      put('etc/initramfs-tools/hooks/outpost', initramfsHook, '0755'),
      source.suite,
      part,
      ...entries,
    ],
    { env: { SOURCE_DATE_EPOCH: epoch, DEBIAN_FRONTEND: 'noninteractive' } },
  )
  await rename(part, tar)
  return tar
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Programs of another architecture run by way of binfmt_misc. */
async function canRun({ arch }: Board): Promise<void> {
  if (arch === process.arch) return
  const known = await readFile('/proc/sys/fs/binfmt_misc/qemu-aarch64', 'utf8').catch(() => '')
  if (!known.startsWith('enabled'))
    throw new Error(
      'This machine cannot run programs for arm64. Install qemu-user-static and binfmt-support, then: mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; update-binfmts --enable qemu-aarch64',
    )
}
