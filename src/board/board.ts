import { nearest } from '../alert/nearest.ts'
import { type Board, type BoardFacts, boardSchema } from './schema.ts'

/** Reads the text of `boards/<name>.json`. Throws with every sentence about what is wrong. */
export function parseBoard(name: string, text: string): Board {
  const result = boardSchema.safeParse(json(name, text))
  const whys = result.success
    ? doubts(name, result.data)
    : result.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`)
  if (whys.length > 0 || !result.success) throw new Error(whys.map((why) => `boards/${name}.json: ${why}`).join('\n'))
  return { name, ...result.data }
}

function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`boards/${name}.json: This is not valid JSON: ${error instanceof Error ? error.message : error}`)
  }
}

/** What single fields cannot tell. */
function* contradictions(name: string, { serial, heapMiB, memoryMiB, boot, arch }: BoardFacts): Generator<string> {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) yield 'The name of the file is of small letters, digits and hyphens.'
  for (const key of ['label', 'path'] as const) {
    const twice = serial.map((line) => line[key]).find((value, index, all) => all.indexOf(value) !== index)
    if (twice !== undefined) yield `serial: ${JSON.stringify(twice)} is there twice; a line is found by its ${key}.`
  }
  if (heapMiB > memoryMiB / 4)
    yield `heapMiB: Write at most ${Math.floor(memoryMiB / 4)}, a quarter of memoryMiB: the system and the disk cache need theirs.`
  if (arch === 'armhf' && boot.recipe !== 'none') yield 'boot: There is no Node 24 for 32-bit ARM; write recipe none, and why.'
}
const doubts = (name: string, facts: BoardFacts): string[] => [...contradictions(name, facts)]

/** What a machine tells of itself. Empty where it does not. `arch` as Node names it. */
export type Machine = { arch: string; compatible: readonly string[]; product: string }

/** The board that this machine is. The device tree names the closest first, so an earlier name wins; undefined: no file knows it. */
export function detectBoard(boards: readonly Board[], { arch, compatible, product }: Machine): Board | undefined {
  for (const name of compatible) {
    const found = boards.find((board) => board.detect.compatible?.includes(name))
    if (found) return found
  }
  return (
    boards.find((board) => product !== '' && board.detect.product?.includes(product)) ??
    boards.find((board) => board.detect.otherwise && board.arch === arch)
  )
}

/** For who asked for a board that is not there. */
export function unknownBoard(name: string, names: readonly string[]): string {
  const near = nearest(name, names)
  return `There is no board ${name}. ${near ? `Did you mean ${near}?` : `Known are: ${names.join(', ')}.`}`
}
