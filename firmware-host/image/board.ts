import { run } from './run.ts'

/** Board: what the image needs of a board's facts, as the bundle tells them (`outpost board show NAME --json`). */
export type Boot =
  | { recipe: 'grub-efi'; cmdline: string[]; console: string }
  | { recipe: 'raspberry-pi'; deviceTree: string; configTxt: string[]; cmdline: string[]; console: string }

export type Board = {
  name: string
  title: string
  arch: 'x64' | 'arm64'
  memoryMiB: number
  heapMiB: number
  boot: Boot
  watchdog?: { device: string; drivers: string[]; maxSeconds: number }
  wifi: boolean
  firmware: string[]
}

/** The facts of a board. Throws the bundle's own sentence when there is no such board, and the board's when no image can be built for it. */
export async function readBoard(root: string, name: string): Promise<Board> {
  const facts = JSON.parse((await run(`${root}/bin/outpost`, ['board', 'show', name, '--json'])).toString()) as Omit<Board, 'boot'> & {
    boot: Boot | { recipe: 'none'; why: string }
  }
  if (facts.boot.recipe === 'none') throw new Error(`No image can be built for ${facts.title}. ${facts.boot.why}`)
  return facts as Board
}

/** Debian's name of the architecture. */
export const debianArch = ({ arch }: Pick<Board, 'arch'>): 'amd64' | 'arm64' => (arch === 'x64' ? 'amd64' : arch)
