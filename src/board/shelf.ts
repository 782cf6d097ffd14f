import { type Disk, isDiskError } from '../ports/disk.ts'
import type { Sys } from '../ports/sys.ts'
import { type Machine, parseBoard } from './board.ts'
import type { Board } from './schema.ts'

/** The files of a folder of boards, and what the machine says that it is. */
const fileLimit = 64 * 1024

/** Names of the boards that have a file. Empty when there is no such folder. Rejects with DiskError. */
export async function boardNames(disk: Disk, dir: string): Promise<string[]> {
  const files = await disk.list(dir).catch((error: unknown) => {
    if (isDiskError(error, 'ENOENT')) return []
    throw error
  })
  return files.flatMap((file) => (file.endsWith('.json') && !file.startsWith('.') ? [file.slice(0, -'.json'.length)] : []))
}

/** Throws with a sentence for each thing that is wrong in the file. Rejects with DiskError. */
export const readBoard = async (disk: Disk, dir: string, name: string): Promise<Board> =>
  parseBoard(name, Buffer.from(await disk.read(`${dir}/${name}.json`, fileLimit)).toString())

/** Every board, in the order of their names. Throws when a file is not valid. Rejects with DiskError. */
export async function readBoards(disk: Disk, dir: string): Promise<Board[]> {
  const boards: Board[] = []
  for (const name of await boardNames(disk, dir)) boards.push(await readBoard(disk, dir, name))
  return boards
}

/** By the device tree (closest name first) and by DMI. A machine that tells nothing is any machine of its architecture. */
export async function readMachine(sys: Sys): Promise<Machine> {
  const told = async (path: string) => (await sys.read(path)) ?? ''
  // Not by its name below /proc, which a hardened unit (ProcSubset=pid) does not see.
  const compatible = (await told('/sys/firmware/devicetree/base/compatible')).split('\0').filter(Boolean)
  return { arch: sys.arch, compatible, product: (await told('/sys/class/dmi/id/product_name')).trim() }
}
