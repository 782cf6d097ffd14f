import type { Alert, Severity } from '../alert/alert.ts'
import type { Disk } from '../ports/disk.ts'
import { isSettlement, type Mark, type Settled } from './mark.ts'
import { generationIn, headerBytes, recordTypes, scanSegment } from './record.ts'
import { segmentNamed } from './segment.ts'

/**
 * History: letters that have left the queue, as the journal still remembers them. It reads the segments themselves, also those that only wait to be written over, one at a time and the newest first, and
 * holds nothing between two questions. How far back it goes is a matter of how much came since: some thousand letters.
 */
export type Settlement = {
  kind: Settled
  to: string[]
  why?: string
  /** Ms of the wall clock, where it could be trusted. */
  at?: number
}

export type Past = {
  id: number
  source: string
  number: number
  severity: Severity
  text: string
  subject?: string
  to: string[]
  /** Ms of the wall clock as it was believed when it was accepted. */
  accepted: number
  /** Oldest first. */
  outcomes: Settlement[]
}

/** Octets that are read for one answer: a second or so on a small board. */
const readBytes = 16 * 1024 * 1024

/** Letters of which somebody is settled, newest first, at most `limit` with an id below `before`. Segments that cannot be read are passed over. */
export async function history(disk: Disk, dir: string, limit: number, before = Number.POSITIVE_INFINITY): Promise<Past[]> {
  const found = new Map<number, Past>()
  const outcomes = new Map<number, Settlement[]>()
  let read = 0
  /** Everything that was accepted before the newest segments has an id below this. */
  let floor = Number.POSITIVE_INFINITY
  for (const path of await newestFirst(disk, dir)) {
    // A letter that was copied forward lies among newer ones: those between are in segments still to be read.
    if (read >= readBytes || [...found.keys()].filter((id) => id >= floor).length >= limit) break
    const segment = await disk.read(path).catch(() => new Uint8Array())
    read += segment.length
    const records = scanSegment(segment)?.records ?? []
    for (const { type, id, body } of records.reverse()) {
      if (type === recordTypes.checkpoint) floor = nextIdOf(body) ?? floor
      if (type !== recordTypes.alert && type !== recordTypes.outcome) continue
      const value = parse(body)
      if (value === undefined) continue
      if (type === recordTypes.outcome) note(outcomes, id, value as Mark)
      else {
        const alert = value as Alert
        for (const covered of alert.covers ?? []) note(outcomes, covered, { kind: 'merged', to: alert.to, why: `told by letter ${id}` })
        const settled = outcomes.get(id)
        // A record that was copied forward is met twice.
        if (settled && id < before && !found.has(id)) found.set(id, pastOf(id, alert, settled))
      }
    }
  }
  return [...found.values()].sort((a, b) => b.id - a.id).slice(0, limit)
}

/** Of the checkpoint at the head of a segment: alerts of earlier segments have ids below it. */
function nextIdOf(body: Uint8Array): number | undefined {
  const { nextId } = (parse(body) ?? {}) as { nextId?: unknown }
  return typeof nextId === 'number' ? nextId : undefined
}

const pastOf = (id: number, { source, number, severity, text, subject, to, stamp }: Alert, outcomes: Settlement[]): Past => ({
  id,
  source,
  number,
  severity,
  text,
  ...(subject === undefined ? {} : { subject }),
  to,
  accepted: stamp.wall,
  outcomes,
})

/** Met from the newest to the oldest. */
function note(outcomes: Map<number, Settlement[]>, id: number, mark: Mark): void {
  if (!isSettlement(mark)) return
  const { kind, to = [], why, at } = mark as Settlement
  const one = { kind, to, ...(why === undefined ? {} : { why }), ...(at === undefined ? {} : { at }) }
  outcomes.set(id, [one, ...(outcomes.get(id) ?? [])])
}

async function newestFirst(disk: Disk, dir: string): Promise<string[]> {
  const segments: { path: string; generation: number }[] = []
  for (const name of await disk.list(dir)) {
    if (!segmentNamed(name)) continue
    const path = `${dir}/${name}`
    segments.push({ path, generation: await generationOf(disk, path) })
  }
  return segments
    .filter(({ generation }) => generation > 0)
    .sort((a, b) => b.generation - a.generation)
    .map(({ path }) => path)
}

/** Of its first record; 0: it says nothing. */
async function generationOf(disk: Disk, path: string): Promise<number> {
  try {
    const file = await disk.open(path, { readOnly: true })
    try {
      return generationIn(await file.read(0, headerBytes))
    } finally {
      await file.close()
    }
  } catch {
    return 0
  }
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString())
  } catch {
    return undefined
  }
}
