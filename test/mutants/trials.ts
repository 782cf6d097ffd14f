import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { Bench, Ran } from './bench.ts'
import { filesIn, roomOf, root, textOf } from './tree.ts'

/** Trials: files of tests, each run on its own with nothing broken, and which places of the sources each of them runs through. Paths are those in the tree. */
export type Trial = {
  test: string
  /** Of the processor's time, with nothing broken. */
  takesMs: number
  /** Whether it names this source itself. */
  isAbout(source: string): boolean
  /** Whether it runs what stands at this place of a source. */
  reaches(source: string, at: number): boolean
}

/** Rooms of tests that are about these sources and need neither peers nor a built bundle. */
const rooms = ['queue', 'relay', 'rules', 'mail', 'gateway', 'settings', 'transcripts', 'sim']
/** It looks at the processor's time, which counting what is run multiplies. */
const leftOut = ['test/rules/patterns.test.ts']
/** What was counted for each file of tests is kept here, as long as nothing that it leads to is another. */
const keptIn = new URL('build/mutants/', root).pathname

/** Files of tests that lead to one of these sources; `near`: of the rooms of these sources alone. */
export function testsOf(sources: readonly string[], near: boolean): string[] {
  const known = near ? new Set(sources.map(roomOf)) : new Set(rooms)
  return filesIn('test').filter((test) => {
    if (!test.endsWith('.test.ts') || leftOut.includes(test) || !known.has(roomOf(test))) return false
    const reached = reachedFrom(test)
    return sources.some((source) => reached.has(source))
  })
}

const importsOf = (file: string): string[] =>
  [...textOf(file).matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map(([, to = '']) => normalize(join(dirname(file), to)))

function reachedFrom(test: string): Set<string> {
  const reached = new Set<string>()
  const ahead = [test]
  for (let file = ahead.pop(); file !== undefined; file = ahead.pop()) {
    if (reached.has(file) || !file.endsWith('.ts')) continue
    reached.add(file)
    ahead.push(...importsOf(file))
  }
  return reached
}

type Range = { startOffset: number; endOffset: number; count: number }
type Counted = [source: string, ranges: Range[]][]
type Kept = { ran: Ran; counted: Counted }

/** undefined: it does not run on the bench. Rejects when the tests are not green with nothing broken. */
export async function trialOf(test: string, bench: Bench, env: NodeJS.ProcessEnv): Promise<Trial | undefined> {
  const reached = [...reachedFrom(test)].sort()
  const name = `${keptIn}${hash('sha1', reached.map(textOf).join('\0'))}.json`
  mkdirSync(keptIn, { recursive: true })
  if (!existsSync(name)) writeFileSync(name, JSON.stringify({ counted: await counted(test, env), ran: await bench.run({ test }, 120_000) }))
  const kept = JSON.parse(readFileSync(name, 'utf8')) as Kept
  if (kept.ran.end !== 'green') return undefined
  const ranges = new Map(kept.counted)
  const named = new Set(importsOf(test))
  return {
    test,
    takesMs: kept.ran.takesMs,
    isAbout: (source) => named.has(source),
    reaches: (source, at) => isRun(ranges.get(source) ?? [], at),
  }
}

/** As V8 counts it. */
async function counted(test: string, env: NodeJS.ProcessEnv): Promise<Counted> {
  const dir = `${keptIn}coverage`
  rmSync(dir, { recursive: true, force: true })
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', test], {
    cwd: root.pathname,
    env: { ...process.env, ...env, NODE_TEST_CONTEXT: undefined, NODE_COMPILE_CACHE: undefined, NODE_V8_COVERAGE: dir },
    stdio: 'ignore',
  })
  const code = await new Promise((done) => child.on('close', done))
  if (code !== 0) throw new Error(`${test} is not green with nothing broken`)
  const ranges = new Map<string, Range[]>()
  for (const name of readdirSync(dir)) {
    const { result } = JSON.parse(readFileSync(`${dir}/${name}`, 'utf8')) as { result: { url: string; functions: { ranges: Range[] }[] }[] }
    for (const { url, functions } of result) {
      if (!url.startsWith(`${root.href}src/`)) continue
      const source = url.slice(root.href.length)
      ranges.set(source, [...(ranges.get(source) ?? []), ...functions.flatMap((one) => one.ranges)])
    }
  }
  rmSync(dir, { recursive: true })
  return [...ranges]
}

/** The smallest range that holds it says how often it was run. */
function isRun(ranges: readonly Range[], at: number): boolean {
  let smallest: Range | undefined
  for (const one of ranges) {
    if (at < one.startOffset || at >= one.endOffset) continue
    const size = one.endOffset - one.startOffset
    const best = smallest ? smallest.endOffset - smallest.startOffset : Number.POSITIVE_INFINITY
    if (size < best || (size === best && one.count > 0)) smallest = one
  }
  return (smallest?.count ?? 0) > 0
}
