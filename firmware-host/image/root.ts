import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Board } from './board.ts'
import { boardFiles } from './board-files.ts'
import { folder, layBundle, openToAll, put } from './bundle.ts'
import { layoutFor } from './layout.ts'
import { raucConf } from './rauc.ts'
import type { Release } from './release.ts'
import { run } from './run.ts'

/** Root: Debian's tree, our own tree over it, the bundle, and what follows from the board. */
export type RootOptions = {
  root: string
  tree: string
  work: string
  cache: string
  board: Board
  release: Release
  keyring: string | undefined
}

/** Resolves with the folder. */
export async function layRoot({ root, tree, work, cache, board, release, keyring }: RootOptions): Promise<string> {
  const dir = join(work, 'root')
  folder(dir)
  await run('tar', ['--numeric-owner', '-xpf', tree, '-C', dir])
  await overlay(join(root, 'firmware-host/rootfs'), dir, work)
  const home = join(dir, 'usr/lib/outpost')
  await layBundle(root, home, board, cache)
  layFacts(dir, { board, release, keyring })
  const inside = (...args: string[]) => run('chroot', [dir, ...args], { env: { SOURCE_DATE_EPOCH: String(release.epoch) } })
  await inside('systemd-sysusers')
  await inside('systemctl', 'preset-all')
  settle(dir, release)
  return dir
}

/** What follows from the board, and who signs its updates. */
export function layFacts(dir: string, { board, release, keyring }: Pick<RootOptions, 'board' | 'release' | 'keyring'>): void {
  for (const [path, text] of Object.entries(boardFiles(board, release))) put(join(dir, path), text)
  put(join(dir, 'etc/rauc/system.conf'), raucConf(board, layoutFor(board)))
  if (keyring !== undefined) put(join(dir, 'etc/rauc/keyring.pem'), readFileSync(keyring))
}

/** Files of a checkout belong to whoever made it, with whatever mask; on the device they are root's. */
async function overlay(from: string, to: string, work: string): Promise<void> {
  const copy = join(work, 'overlay')
  await run('cp', ['-rP', '--preserve=mode', from, copy])
  await openToAll(copy)
  await run('chown', ['-hR', '0:0', copy])
  await run('cp', ['-a', `${copy}/.`, to])
}

/** What is Debian's own business and must not, or need not, be on a device. */
export function settle(dir: string, { version, epoch, commit }: Release): void {
  const at = (path: string) => join(dir, path)
  // The list of packages stays readable for whoever looks for a hole; /var is empty, since it lives in RAM.
  folder(at('usr/share/outpost'))
  renameSync(at('var/lib/dpkg/status'), at('usr/share/outpost/dpkg-status'))
  for (const name of readdirSync(at('var'))) rmSync(at(`var/${name}`), { recursive: true })
  for (const path of [
    'etc/apt',
    'etc/.pwd.lock',
    'etc/passwd-',
    'etc/group-',
    'etc/shadow-',
    'etc/gshadow-',
    'etc/subuid-',
    'etc/subgid-',
    'usr/lib/apt',
    'run',
    'tmp',
  ])
    rmSync(at(path), { recursive: true, force: true })
  for (const path of ['run', 'boot/firmware', 'var', 'tmp']) folder(at(path))
  chmodSync(at('tmp'), 0o1777)
  // An empty file: another id at every boot, and no boot is taken for the first (machine-id(5)).
  put(at('etc/machine-id'), '')
  put(at('etc/hostname'), 'outpost\n')
  writeFileSync(at('etc/shadow'), lockAll(readFileSync(at('etc/shadow'), 'utf8')))
  writeFileSync(
    at('usr/lib/os-release'),
    `${readFileSync(at('usr/lib/os-release'), 'utf8')}IMAGE_ID=outpost\nIMAGE_VERSION=${version}\nBUILD_ID=${commit}\n`,
  )
  // systemd sets the clock to the time of this file when it is behind it.
  put(at('usr/lib/clock-epoch'), `${epoch}\n`)
  // GRUB and the programs that install it: a running device has the one that writes its variables.
  rmSync(at('usr/lib/grub'), { recursive: true, force: true })
  for (const folder of ['usr/bin', 'usr/sbin'])
    for (const name of readdirSync(at(folder))) if (name.startsWith('grub-') && name !== 'grub-editenv') rmSync(at(`${folder}/${name}`))
  kernel(dir)
}

/** Nobody has a password, and the day on which that was so does not matter. */
const lockAll = (shadow: string): string =>
  shadow
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${line.split(':')[0]}:!*:1:0:99999:7:::`)
    .join('\n')
    .concat('\n')

/** One kernel, under names that do not change with its version. */
function kernel(dir: string): void {
  const boot = join(dir, 'boot')
  for (const name of readdirSync(boot)) {
    if (name.startsWith('vmlinuz-')) renameSync(join(boot, name), join(boot, 'vmlinuz'))
    else if (name.startsWith('initrd.img-')) renameSync(join(boot, name), join(boot, 'initrd.img'))
    else if (name !== 'firmware') rmSync(join(boot, name), { recursive: true })
  }
  rmSync(join(boot, 'firmware'), { recursive: true, force: true })
  folder(join(boot, 'firmware'))
  for (const name of ['vmlinuz', 'vmlinuz.old', 'initrd.img', 'initrd.img.old']) rmSync(join(dir, name), { force: true })
  if (!existsSync(join(boot, 'vmlinuz')) || !existsSync(join(boot, 'initrd.img'))) throw new Error('The tree has no kernel.')
}

/** The root as squashfs. GRUB reads gzip; a Raspberry Pi, whose kernel stands on a FAT, gets zstd, which is unpacked faster. */
export async function packRoot(dir: string, path: string, { boot }: Board, { epoch }: Release): Promise<void> {
  const method = boot.recipe === 'grub-efi' ? ['-comp', 'gzip', '-Xcompression-level', '9'] : ['-comp', 'zstd', '-Xcompression-level', '19']
  await run('mksquashfs', [
    dir,
    path,
    '-noappend',
    '-quiet',
    '-no-progress',
    '-b',
    '256K',
    ...method,
    '-mkfs-time',
    String(epoch),
    '-all-time',
    String(epoch),
  ])
}
