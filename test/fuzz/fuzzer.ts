import type { Profiler } from 'node:inspector'
import { Session } from 'node:inspector/promises'
import { SimRandom } from '../sim/world/random.ts'

/**
 * Fuzzer: octets that are changed by chance, guided by coverage: an input that runs a branch of src which none ran before is kept, and changed further. What breaks a target is made as short as it stays broken,
 * and becomes a test (`test/fuzz/found`). The coverage is V8's own, so there is nothing to instrument.
 */
export type Target = {
  name: string
  /** What real devices, servers and clients send. */
  seeds: readonly (string | Uint8Array)[]
  /** Throws when these octets break what must hold. */
  run(bytes: Uint8Array): void | Promise<void>
}

export type Finding = { bytes: Uint8Array; why: string }
export type Outcome = { runs: number; kept: number; finding?: Finding }

const longest = 4096
const sourceFiles = /\/src\/|\/fuzz\/hidden/

export async function fuzz(target: Target, { seed, runs, ms }: { seed: number; runs: number; ms: number }): Promise<Outcome> {
  const random = new SimRandom(seed)
  const corpus: Uint8Array[] = target.seeds.map((one) => (typeof one === 'string' ? Buffer.from(one, 'latin1') : Buffer.from(one)))
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true })
  const reached = new Reached()
  const end = performance.now() + ms
  let done = 0
  try {
    for (const bytes of corpus) {
      const why = await broken(target, bytes)
      if (why !== undefined) return { runs: done, kept: corpus.length, finding: { bytes, why } }
    }
    reached.take((await session.post('Profiler.takePreciseCoverage')).result)
    for (; done < runs && performance.now() < end; done++) {
      const bytes = changed(Buffer.from(corpus[random.below(corpus.length)] ?? []), corpus, random)
      const why = await broken(target, bytes)
      if (why !== undefined) return { runs: done, kept: corpus.length, finding: await shortest(target, bytes, why) }
      if (reached.take((await session.post('Profiler.takePreciseCoverage')).result)) corpus.push(bytes)
    }
    return { runs: done, kept: corpus.length }
  } finally {
    await session.post('Profiler.stopPreciseCoverage')
    session.disconnect()
  }
}

/** Which blocks of which functions ran together, in any input so far. */
class Reached {
  readonly #seen = new Set<string>()

  /** Whether a function went a way that it had not gone before. */
  take(scripts: readonly Profiler.ScriptCoverage[]): boolean {
    const before = this.#seen.size
    for (const { url, functions } of scripts) {
      if (!sourceFiles.test(url)) continue
      for (const { ranges } of functions) {
        const skipped = ranges.slice(1).map(({ startOffset, count }) => (count === 0 ? startOffset : `+${startOffset}`))
        this.#seen.add(`${url}:${ranges[0]?.startOffset}:${skipped.join(',')}`)
      }
    }
    return this.#seen.size > before
  }
}

/** Why a target broke; undefined: it holds. */
export async function broken({ run }: Target, bytes: Uint8Array): Promise<string | undefined> {
  try {
    await run(bytes)
    return undefined
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

/** Some octets less at a time, as long as it stays broken. */
async function shortest(target: Target, bytes: Uint8Array, why: string): Promise<Finding> {
  let finding: Finding = { bytes, why }
  for (let size = Math.ceil(bytes.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < finding.bytes.length; ) {
      const less = Buffer.concat([finding.bytes.subarray(0, at), finding.bytes.subarray(at + size)])
      const still = await broken(target, less)
      if (still === undefined) at += size
      else finding = { bytes: less, why: still }
    }
  }
  return finding
}

/** Octets and words that mean something to some format. */
const words = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\r\n.\r\n',
  '\x02',
  '\x03',
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '=',
  '<',
  '>',
  '@',
  '%',
  '\\',
  '--',
  '=?utf-8?B?',
  '?=',
  '-1',
  '1e999',
  '99999999999',
  'null',
  '\u00ff',
  '\x80',
  '\xc3\x28',
  ' ',
  '\t',
]

function changed(bytes: Uint8Array, corpus: readonly Uint8Array[], random: SimRandom): Uint8Array {
  let now = Buffer.from(bytes)
  for (let changes = 1 + random.below(4); changes > 0; changes--) now = Buffer.from(changedOnce(now, corpus, random))
  return now.subarray(0, longest)
}

function changedOnce(bytes: Buffer, corpus: readonly Uint8Array[], random: SimRandom): Uint8Array {
  const at = random.below(bytes.length + 1)
  const length = random.below(Math.min(64, bytes.length - at + 1))
  const insert = (piece: Uint8Array) => Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
  switch (random.below(8)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    case 1:
      return insert(bytes.subarray(at, at + length))
    case 2:
      return insert(Buffer.from(words[random.below(words.length)] ?? '', 'latin1'))
    case 3:
      return insert(Buffer.from([random.below(256)]))
    case 4: {
      const other = corpus[random.below(corpus.length)] ?? bytes
      const from = random.below(other.length + 1)
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from)])
    }
    case 5:
      return insert(Buffer.alloc(1 + random.below(300), bytes[at] ?? 65))
    default: {
      const copy = Buffer.from(bytes)
      if (at < copy.length) copy[at] = random.below(2) === 0 ? random.below(256) : (copy[at] ?? 0) ^ (1 << random.below(8))
      return copy
    }
  }
}
