import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Board, debianArch } from './board.ts'
import { componentsFor, keptAll, leftOut, packagesFor } from './packages.ts'
import { run } from './run.ts'

/**
 * Tree: Debian's part of the root, as a tar. It is kept by the list of its packages and where they are from, because making it takes a minute for x86-64 and a quarter of an hour for
 * arm64 under emulation; security updates come with a fresh one. It does not depend on the commit: its own epoch is 1, so whoever makes it from the same packages gets the same octets.
 */
export type Source = { mirror: string; security: string; suite: string }
/** `fresh`: it is made anew though one is kept. */
export type TreeOptions = { cache: string; fresh: boolean; now: Date; say: (what: string) => void }

const epoch = '1'
/** So old may a tree be without a warning. Debian's security updates keep no calendar; a month is what one may forget. */
const staleDays = 30
/** Raised when the way the tree is made changes. */
const edition = 3

/** Of what the initramfs is made: drivers of any disk, because a PC may have any. */
const initramfsConf = 'MODULES=most\nCOMPRESS=zstd\nCOMPRESSLEVEL=15\nFSTYPE=squashfs\nRESUME=none\n'
/** squashfs is no disk driver, so it must be named. */
const initramfsHook = '#!/bin/sh\n[ "$1" = prereqs ] && exit 0\n. /usr/share/initramfs-tools/hook-functions\nmanual_add_modules squashfs\n'

export function treeKey(board: Board, { suite, mirror, security }: Source): string {
  const what = [edition, board.arch, suite, mirror, security, packagesFor(board), leftOut(board), keptAll, initramfsConf, initramfsHook]
  return `${debianArch(board)}-${createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 12)}`
}

/** Path of the tar, made when it is not in `cache`; one that is kept stays until the fresh one is whole. */
export async function debianTree(board: Board, source: Source, options: TreeOptions, make = makeTree): Promise<string> {
  const { cache, fresh, now, say } = options
  const tar = join(cache, `${treeKey(board, source)}.tar`)
  const made = statSync(tar, { throwIfNoEntry: false })?.mtime
  if (made !== undefined && !fresh) {
    say(ageOf(made, now))
    return tar
  }
  await mkdir(cache, { recursive: true })
  say(`Debian ${source.suite} for ${debianArch(board)}, made now: ${packagesFor(board).length} packages and what they need`)
  const part = `${tar}.part.tar`
  await rm(part, { force: true })
  await make(board, source, part)
  await rename(part, tar)
  return tar
}

/** How old a tree is that is kept, and what that means. Pure. */
export function ageOf(made: Date, now: Date): string {
  const days = Math.max(0, Math.floor((now.getTime() - made.getTime()) / 86_400_000))
  const age = `Debian's tree is of ${made.toISOString().slice(0, 10)}, ${days === 1 ? '1 day' : `${days} days`} old.`
  return days > staleDays ? `${age} Security updates since then will not be in the image; --fresh makes the tree anew.` : age
}

async function makeTree(board: Board, source: Source, path: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('The root of an image belongs to root, so it can only be made by root. Run this with sudo.')
  await canRun(board)
  const entries = [
    `deb ${source.mirror} ${source.suite} ${componentsFor(board)}`,
    `deb ${source.mirror} ${source.suite}-updates ${componentsFor(board)}`,
    `deb ${source.security} ${source.suite}-security ${componentsFor(board)}`,
  ]
  const put = (name: string, text: string, mode: string) =>
    `--essential-hook=mkdir -p "$1/${name.slice(0, name.lastIndexOf('/'))}" && printf %s ${quoted(text)} > "$1/${name}" && chmod ${mode} "$1/${name}"`
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
      path,
      ...entries,
    ],
    { env: { SOURCE_DATE_EPOCH: epoch, DEBIAN_FRONTEND: 'noninteractive' } },
  )
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
