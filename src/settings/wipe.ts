import { type Disk, isDiskError } from '../ports/disk.ts'

/** Stands in a directory from the first step of its wipe to the last. Its own octets say nothing: a disk that is full takes an empty file, too. */
export const wipeMark = 'resetting'

/**
 * What tells that the box has an owner (src/settings/device.ts). It goes last but the mark: software from before there was a mark, as in the other slot, finds a box that is claimed, and not a new one with the
 * mail of somebody else.
 */
const isOfTheOwner = (name: string): boolean => /^\.?device\.json(\.|$)/.test(name)

/**
 * Wipe: everything below a directory goes, durably. One that is cut off is begun again by whoever opens the directory next (`isHalfWiped`), before anything else of it is read.
 * `successor` is what the mark is called in the end, for who waits for that; without one it goes. What cannot be removed does not keep the rest: that goes, and then it rejects with the DiskError, and the mark stays.
 */
export async function wipe(disk: Disk, dir: string, successor?: string): Promise<void> {
  const mark = `${dir}/${wipeMark}`
  await disk.write(mark, new Uint8Array())
  await disk.sync(mark)
  await disk.sync(dir)
  const names = (await disk.list(dir)).filter((name) => name !== wipeMark)
  await removeAll(
    disk,
    dir,
    names.filter((name) => !isOfTheOwner(name)),
  )
  await removeAll(disk, dir, names.filter(isOfTheOwner))
  await (successor === undefined ? disk.remove(mark) : disk.rename(mark, `${dir}/${successor}`))
  await disk.sync(dir)
}

/** A wipe was begun here, and is not over. Who may not look may not read, either: for them it is not. Rejects with DiskError. */
export async function isHalfWiped(disk: Disk, dir: string): Promise<boolean> {
  try {
    return (await disk.size(`${dir}/${wipeMark}`)) !== undefined
  } catch (error) {
    if (isDiskError(error, 'EACCES') || isDiskError(error, 'ENOTDIR')) return false
    throw error
  }
}

async function removeAll(disk: Disk, dir: string, names: readonly string[]): Promise<void> {
  const faults: unknown[] = []
  for (const name of names) await remove(disk, `${dir}/${name}`).catch((error: unknown) => faults.push(error))
  await disk.sync(dir)
  if (faults.length > 0) throw faults[0]
}

async function remove(disk: Disk, path: string): Promise<void> {
  const inner = await disk.list(path).catch((error: unknown) => {
    if (isDiskError(error, 'ENOTDIR')) return undefined
    throw error
  })
  if (!inner) return disk.remove(path)
  await removeAll(disk, path, inner)
  // Its name may be somebody's. One that cannot go, as where another file system is mounted, holds nothing any more.
  await disk.removeDir(path).catch((error: unknown) => {
    if (!isDiskError(error)) throw error
  })
}
