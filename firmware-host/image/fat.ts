import { readdirSync } from 'node:fs'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { serialOf } from './layout.ts'
import { run } from './run.ts'

/** Fat: a FAT file system made from a folder, the same octets whenever it is made. */
export type FatOptions = { size: number; label: string; seed: string; epoch: number }

export async function makeFat(path: string, folder: string, { size, label, seed, epoch }: FatOptions): Promise<void> {
  const env = { SOURCE_DATE_EPOCH: String(epoch), MTOOLS_SKIP_CHECK: '1' }
  await writeFile(path, '')
  // 32 bits when the cluster is a sector's eighth of 4 KiB: the firmware of a Raspberry Pi and UEFI read both, but Windows shows FAT32 with less ado.
  await run('truncate', ['--size', String(size), path])
  await run('mkfs.vfat', ['-F', '32', '-s', '1', '--invariant', '-i', serialOf(seed), '-n', label, path], { env })
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => ({
    path: join(entry.parentPath, entry.name),
    dir: entry.isDirectory(),
  }))
  names.sort((a, b) => (a.path < b.path ? -1 : 1))
  for (const { path: from, dir } of names) {
    const to = `::${from.slice(folder.length)}`
    await utimes(from, epoch, epoch)
    if (dir) await run('mmd', ['-i', path, to], { env })
    else await run('mcopy', ['-m', '-i', path, from, to], { env })
  }
}

/** Writes files given by name into a folder. */
export async function lay(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
}
