import { type Disk, DiskError, type DiskFile, isDiskError } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'
import { type JournalRecord, recordAt, recordTypes, scanSegment } from './record.ts'
import { type Aside, type Place, type Segment, segmentName, segmentNamed } from './segment.ts'

/**
 * Replay: every record that stands in the journal's directory, oldest first. What cannot be read costs no more than itself: a bad block the records
 * in it, a segment that says nothing at all is put aside, never overwritten, and read again by the next life. So is one that fsck or a copy has cut,
 * but what is left of it counts in this life, too.
 */
export type Shelf = { disk: Disk; dir: string; log: Log; segmentBytes: number }

/** Called for every record in the order of writing. The body is a view that is gone after the call. */
export type OnRecord = (record: JournalRecord, place: Place) => void

export type Shelved = {
  /** What counts, by generation. */
  used: Segment[]
  /** What may be overwritten, oldest first. */
  free: number[]
  /** The newest that may have been given. */
  generation: number
  highest: number
  /** Where the newest may be written on; undefined: something in it was unreadable, which the next octets might hit. */
  writableFrom: number | undefined
  /** Stretches that were on the disk once and cannot be read. */
  damaged: number
}

/** A checkpoint fits in this. */
const headBytes = 384 * 1024
/** What a disk refuses at a time. */
const pieceBytes = 4096
/** A dying card takes its time to refuse a block: so many of a segment are waited for. */
const refusalsLimit = 64
/** Many a read error is gone the second time. */
const attempts = 2
/** Generations that may have been given in a segment that cannot be read, and those that failed before it. */
const unreadGenerations = 1000

/** `isCut`: it is shorter than it was made, and what it held at its end is gone. */
type Found = { number: number; aside: Aside; isCut: boolean }
type Head = Found & { generation: number; oldest: number }
/** `refused`: pieces that the disk did not give; they read as zeros, in which no record is found. */
type Octets = { bytes: Uint8Array; refused: number }

/** Rejects with DiskError when the directory, or all of what is in it, cannot be read. */
export async function replay(shelf: Shelf, onRecord: OnRecord): Promise<Shelved> {
  const found = await segmentsIn(shelf)
  const heads: Head[] = []
  const empty: number[] = []
  const unread: Found[] = []
  const torn: Found[] = []
  for (const one of found) {
    const head = await headOf(shelf, one)
    if (head === undefined) unread.push(one)
    else if (head.generation > 0) heads.push(head)
    else if (one.aside !== undefined) await forget(shelf, one)
    else if (one.isCut) torn.push(one)
    else empty.push(one.number)
  }
  if (unread.length > 0 && unread.length === found.length) throw new DiskError(`no segment in ${shelf.dir} can be read`, 'EIO')
  // Only a disk that says no may know better next time: what is left of a file that was cut was read.
  unread.push(...torn)
  heads.sort((a, b) => a.generation - b.generation)
  const newest = heads.at(-1)
  const oldest = Math.max(0, ...heads.map((head) => head.oldest), newest ? await oldestKnown(shelf, newest) : 0)
  const standing: Shelved = { used: [], free: [...empty], generation: 0, highest: 0, writableFrom: undefined, damaged: 0 }
  for (const head of heads) {
    const counts = head.generation >= (head.aside ?? oldest)
    if (counts && !(await replaySegment(shelf, head, standing, onRecord, oldest))) unread.push(head)
    else if (!counts && head.aside === undefined && !head.isCut) standing.free.push(head.number)
    else if (!counts) await forget(shelf, head)
  }
  for (const one of unread) await putAside(shelf, one, oldest, 'cannot be read')
  standing.damaged += unread.length
  standing.highest = Math.max(0, ...found.map((one) => one.number))
  standing.generation = (newest?.generation ?? 0) + unread.length * unreadGenerations
  if (standing.damaged > 0) shelf.log('error', 'journal: damaged stretches were skipped', { stretches: standing.damaged })
  return standing
}

async function segmentsIn(shelf: Shelf): Promise<Found[]> {
  const { disk, dir, segmentBytes } = shelf
  const found: Found[] = []
  for (const name of await disk.list(dir)) {
    const named = segmentNamed(name)
    if (!named) continue
    const size = (await again(() => disk.size(`${dir}/${name}`))) ?? segmentBytes
    // A foreign file stays untouched.
    if (size > segmentBytes) continue
    const one = { ...named, isCut: size < segmentBytes }
    if (one.isCut && (await isUnmade(shelf, one))) await forget(shelf, one)
    else found.push(one)
  }
  return found
}

/** Zeros and nothing else: a power cut while it was being made, before anybody wrote to it. */
async function isUnmade(shelf: Shelf, one: Found): Promise<boolean> {
  const octets = await octetsOf(shelf, one)
  return octets?.refused === 0 && octets.bytes.every((octet) => octet === 0)
}

/** Its checkpoint stands first; when that is spoiled, whatever else can be read says the generation. undefined: it cannot be told. */
async function headOf(shelf: Shelf, one: Found): Promise<Head | undefined> {
  const head = await octetsOf(shelf, one, Math.min(shelf.segmentBytes, headBytes))
  const first = head && recordAt(head.bytes, 0)
  if (first) return { ...one, generation: first.generation, oldest: first.type === recordTypes.checkpoint ? oldestIn(first.body) : 0 }
  const whole = await octetsOf(shelf, one)
  if (!whole) return undefined
  const generation = scanSegment(whole.bytes)?.generation ?? 0
  return generation === 0 && whole.refused > 0 ? undefined : { ...one, generation, oldest: 0 }
}

/** What the newest segment says of the oldest that still counts. */
async function oldestKnown(shelf: Shelf, newest: Found): Promise<number> {
  const whole = await octetsOf(shelf, newest)
  const records = (whole && scanSegment(whole.bytes)?.records) ?? []
  return Math.max(0, ...records.map((record) => (record.type === recordTypes.checkpoint ? oldestIn(record.body) : 0)))
}

/** False: nothing of it can be read. */
async function replaySegment(shelf: Shelf, head: Head, standing: Shelved, onRecord: OnRecord, oldest: number): Promise<boolean> {
  const whole = await octetsOf(shelf, head)
  const scan = whole && scanSegment(whole.bytes)
  if (!scan) return false
  const { number, isCut } = head
  const aside = isCut ? await putAside(shelf, head, oldest, 'is shorter than it was made') : head.aside
  // What is missing at its end is one stretch, whatever stood there.
  standing.damaged += scan.damaged + whole.refused + (isCut ? 1 : 0)
  standing.writableFrom = aside === undefined && !isCut && whole.refused === 0 ? scan.end : undefined
  standing.used.push({ number, aside, generation: scan.generation, live: 0 })
  for (const record of scan.records) onRecord(record, { segment: number, offset: record.offset, bytes: record.bytes })
  return true
}

/**
 * Under another name nobody takes it for a free one, and the next life knows that it may hold what this one had to do without. Says what it is called by
 * now.
 */
async function putAside({ disk, dir, log }: Shelf, { number, aside }: Found, oldest: number, why: string): Promise<Aside> {
  log('error', `journal: a segment ${why} and is put aside`, { path: `${dir}/${segmentName(number, aside)}` })
  if (aside !== undefined) return aside
  try {
    await disk.rename(`${dir}/${segmentName(number)}`, `${dir}/${segmentName(number, oldest)}`)
  } catch (error) {
    log('error', 'journal: it keeps its name', { why: sentence(error) })
    return undefined
  }
  await disk.sync(dir).catch((error) => log('error', 'journal: its name may be the old one again', { why: sentence(error) }))
  return oldest
}

/** Nothing of it counts, and it is none to be written over. */
const forget = ({ disk, dir }: Shelf, { number, aside }: Found): Promise<void> =>
  disk.remove(`${dir}/${segmentName(number, aside)}`).catch(() => {})

/** From its beginning; undefined when nothing of it can be read. */
async function octetsOf({ disk, dir, log, segmentBytes }: Shelf, one: Found, length = segmentBytes): Promise<Octets | undefined> {
  const path = `${dir}/${segmentName(one.number, one.aside)}`
  const file = await again(() => disk.open(path, { readOnly: true }))
  if (!file) return undefined
  try {
    const bytes = await again(() => file.read(0, length))
    if (bytes) return { bytes, refused: 0 }
    const octets = await inPieces(file, length)
    log('error', 'journal: octets of a segment cannot be read', { path, pieces: octets.refused, of: pieceBytes })
    return octets.read === 0 ? undefined : octets
  } finally {
    await file.close().catch(() => {})
  }
}

async function inPieces(file: DiskFile, length: number): Promise<Octets & { read: number }> {
  const octets = { bytes: new Uint8Array(length), refused: 0, read: 0 }
  for (let at = 0; at < length; at += pieceBytes) {
    const piece = octets.refused < refusalsLimit ? await again(() => file.read(at, Math.min(pieceBytes, length - at))) : undefined
    if (piece) octets.bytes.set(piece, at)
    if (piece) octets.read++
    else octets.refused++
  }
  return octets
}

/** undefined: the disk said no each time. */
async function again<T>(deed: () => Promise<T>): Promise<T | undefined> {
  for (let left = attempts; left > 0; left--) {
    try {
      return await deed()
    } catch (error) {
      if (!isDiskError(error)) throw error
    }
  }
  return undefined
}

function oldestIn(body: Uint8Array): number {
  try {
    const oldest: unknown = JSON.parse(Buffer.from(body).toString()).oldest
    return typeof oldest === 'number' ? oldest : 0
  } catch {
    return 0
  }
}
