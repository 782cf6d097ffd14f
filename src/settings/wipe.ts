import { type Disk, isDiskError } from '../ports/disk.ts'

/** Removes every file below a directory, and makes that durable. Directories stay, empty. Rejects with DiskError when one cannot be removed. */
export async function wipe(disk: Disk, dir: string): Promise<void> {
  for (const name of await disk.list(dir)) {
    const path = `${dir}/${name}`
    const inner = await disk.list(path).catch((error: unknown) => {
      if (isDiskError(error, 'ENOTDIR')) return undefined
      throw error
    })
    if (inner) await wipe(disk, path)
    else await disk.remove(path)
  }
  await disk.sync(dir)
}
