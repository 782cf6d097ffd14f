import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { regexLiterals } from './regex-literals.ts'

/**
 * ReDoS (CWE-1333): patterns of users run in linear time (test/rules/match.test.ts); those of the box itself run in V8, which goes back and tries again. Each of them is given what it
 * likes, again and again, and then something that it does not like. A linear one needs microseconds for that, a quadratic one a tenth of a second.
 * Where nothing repeats without a bound there is nothing to go back to.
 */
const src = new URL('../../src/', import.meta.url).pathname
/** Growing, since what is exponential would never end at the last of them. */
const lengths = [16, 20, 24, 28, 32, 38, 46, 56, 70, 90, 120, 200, 500, 1000, 10_000]
const limitMs = 25

/** What these are given is short, whoever sends it: the limit stands where it is read. */
const bounded: Readonly<Record<string, string>> = {}

const sources = (readdirSync(src, { recursive: true }) as string[]).filter((name) => /\.ts$/.test(name) && !name.startsWith('page/')).sort()
const patterns = new Map(
  sources.flatMap((file) =>
    regexLiterals(readFileSync(src + file, 'utf8'))
      .filter(({ source }) => /[*+]|,\}/.test(source))
      .map((pattern) => [String(pattern), { file, pattern }] as const),
  ),
)

/** Begins with `head`, repeats `pump`, and ends in a way that few patterns like. */
type Attack = { head: string; pump: string; tail: string }
const textOf = ({ head, pump, tail }: Attack, length: number): string => `${head}${pump.repeat(length / pump.length)}${tail}`
/** What few patterns like at the end; one alone would be what some end with. */
const ends = ['\u0001', 'x\u{e000}']

/** Texts that it matches, short ones; none when its grammar is beyond fast-check. */
function likes({ source, flags }: RegExp): string[] {
  try {
    const plain = new RegExp(source.replace(/\(\?<?[=!](?:\\.|[^()\\])*\)/g, ''), flags.replace(/[gyid]/g, ''))
    return fc.sample(fc.stringMatching(plain, { size: 'small' }), { numRuns: 4, seed: 1 }).map((text) => text.slice(0, 14))
  } catch {
    return []
  }
}

function attacksOn(pattern: RegExp): Attack[] {
  const simple = [...new Set([...' \t\na0.-=:;,"\'\\<(ü@', ...pattern.source])].flatMap((pump) =>
    ends.map((tail) => ({ head: '', pump, tail })),
  )
  const inside = likes(pattern).flatMap((text) =>
    [...text].flatMap((_, at) =>
      [1, 2].flatMap((width) =>
        ends.map((end) => ({ head: text.slice(0, at), pump: text.slice(at, at + width), tail: `${text.slice(at + width)}${end}` })),
      ),
    ),
  )
  return [...simple, ...inside.filter(({ pump }) => pump !== '')]
}

/** What it costs the processor, in ms; the least of three when that seems too much, since others want the machine, too. */
function costOf(pattern: RegExp, text: string): number {
  const once = () => {
    pattern.lastIndex = 0
    const before = process.cpuUsage()
    if (pattern.global) text.replace(pattern, '')
    else pattern.test(text)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  const first = once()
  return first < limitMs ? first : Math.min(first, once(), once())
}

/** A sentence on the first attack that works; undefined when none does. */
function weakness(pattern: RegExp): string | undefined {
  for (const attack of attacksOn(pattern))
    for (const length of lengths) {
      const ms = costOf(pattern, textOf(attack, length))
      if (ms >= limitMs) return `${pattern} takes ${ms.toFixed(0)} ms for ${JSON.stringify(textOf(attack, 8))} at ${length} characters`
    }
  return undefined
}

test('ReDoS (CWE-1333): no pattern of the box itself takes more than linear time, whatever it is given', { timeout: 120_000 }, (t) => {
  assert.ok(patterns.size > 120, `${patterns.size} patterns`)
  const tried = [...patterns].filter(([name]) => !(name in bounded))
  const faults = tried.flatMap(([, { file, pattern }]) => {
    const why = weakness(pattern)
    return why === undefined ? [] : [`src/${file}: ${why}`]
  })
  t.diagnostic(`${tried.length} patterns`)
  assert.deepEqual(faults, [])
  assert.deepEqual(
    Object.keys(bounded).filter((one) => !patterns.has(one)),
    [],
    'what is excused is there',
  )
})

test('ReDoS (CWE-1333): the attacks above find patterns that go back and try again', () => {
  for (const evil of [/^(a+)+$/, /^\s+|\s+$/, /(.*)=(.*);/, /^Received: *(x|[a-z]*)*;/, /<[^>]*>/g, /^id: *\w+\s*,?\s*end$/])
    assert.notEqual(weakness(evil), undefined, String(evil))
  for (const good of [/^[a-z]+$/, /^(?:a|b)*c$/, /\d+/g]) assert.equal(weakness(good), undefined)
})
