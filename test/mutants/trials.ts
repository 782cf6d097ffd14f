import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Trials: files of tests, each run on its own, and which octets of the sources each of them runs through. */
export type Trial = {
  test: string
  /** In ms, with nothing broken. */
  takesMs: number
  /** Whether it names this source itself. */
  isAbout(source: string): boolean
  /** Whether it runs what stands at this place of a source. */
  reaches(source: string, at: number): boolean
}

/** Rooms of tests that are about these sources and need neither peers nor a built bundle. The lives of `sim` come last, they are the dearest. */
const rooms = ['queue', 'relay', 'rules', 'mail', 'gateway', 'settings', 'transcripts', 'sim']

/** It looks at the processor's time, which counting what is run multiplies. */
const leftOut = ['test/rules/patterns.test.ts']

/** Files of tests that lead to one of these sources, by paths in the tree. */
export function testsOf(tree: string, sources: readonly string[], near: boolean): string[] {
  const nearby = new Set(sources.map(roomOf))
  const listed = (readdirSync(join(tree, 'test'), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.test.ts') && rooms.includes(name.split('/')[0] ?? ''))
    .map((name) => `test/${name}`)
  return listed.filter((test) => {
    if (leftOut.includes(test)) return false
    if (near && !nearby.has(roomOf(test))) return false
    const reached = reachedFrom(tree, test)
    return sources.some((source) => reached.has(source))
  })
}

/** `queue` of `src/queue/journal.ts` and of its tests. */
export const roomOf = (path: string): string => path.split('/')[1] ?? ''

function importsOf(tree: string, file: string): string[] {
  const text = readFileSync(join(tree, file), 'utf8')
  return [...text.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map(([, to = '']) => normalize(join(dirname(file), to)))
}

function reachedFrom(tree: string, test: string): Set<string> {
  const reached = new Set<string>()
  const ahead = [test]
  for (let file = ahead.pop(); file !== undefined; file = ahead.pop()) {
    if (reached.has(file) || !file.endsWith('.ts')) continue
    reached.add(file)
    ahead.push(...importsOf(tree, file))
  }
  return reached
}

type Run = { kind: 'green' | 'red' | 'silent'; ms: number }

/** A machine may be busy: by the clock on the wall so much more is waited for than by the clock of the processor. */
const patienceMs = 60_000

/** One file of tests, up to its first failure. `silent`: it had not come to an end in `limitMs` of the processor's time. */
export function run(tree: string, test: string, limitMs: number, env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const began = performance.now()
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--test-reporter=tap', test]
  return new Promise((done) => {
    const child = spawn('sh', ['-c', `ulimit -t ${Math.ceil(limitMs / 1000)}; exec "$0" "$@"`, ...node], {
      cwd: tree,
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    })
    let kind: Run['kind'] | undefined
    // With its children, if it has any.
    const stop = (as: Run['kind']) => {
      kind ??= as
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    }
    const timer = setTimeout(() => stop('silent'), limitMs + patienceMs)
    let line = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (line + text).split('\n')
      line = lines.pop() ?? ''
      if (lines.some((one) => /^\s*not ok/.test(one))) stop('red')
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const end = code === 0 ? 'green' : signal === null ? 'red' : 'silent'
      done({ kind: kind ?? end, ms: performance.now() - began })
    })
  })
}

type Range = { startOffset: number; endOffset: number; count: number }
type Kept = { takesMs: number; ranges: [source: string, ranges: Range[]][] }

/**
 * Runs a file of tests with nothing broken. Rejects when it is not green. What it found is kept in `keptIn`, and found there again as long as no file that
 * the test leads to is another.
 */
export async function trialOf(tree: string, test: string, keptIn: string, env: NodeJS.ProcessEnv): Promise<Trial> {
  const reached = [...reachedFrom(tree, test)].sort()
  const name = `${keptIn}/${hash('sha1', reached.map((file) => readFileSync(join(tree, file), 'utf8')).join('\0'))}.json`
  mkdirSync(keptIn, { recursive: true })
  if (!existsSync(name)) writeFileSync(name, JSON.stringify(await tried(tree, test, env)))
  const { takesMs, ranges } = JSON.parse(readFileSync(name, 'utf8')) as Kept
  const known = new Map(ranges)
  const named = new Set(importsOf(tree, test))
  return { test, takesMs, isAbout: (source) => named.has(source), reaches: (source, at) => isRun(known.get(source) ?? [], at) }
}

async function tried(tree: string, test: string, env: NodeJS.ProcessEnv): Promise<Kept> {
  const dir = `${tree}/coverage`
  mkdirSync(dir)
  const { kind, ms } = await run(tree, test, 600_000, { ...env, NODE_COMPILE_CACHE: undefined, NODE_V8_COVERAGE: dir })
  if (kind !== 'green') throw new Error(`${test} is not green with nothing broken`)
  const ranges = new Map<string, Range[]>()
  for (const name of readdirSync(dir)) {
    const { result } = JSON.parse(readFileSync(`${dir}/${name}`, 'utf8')) as { result: { url: string; functions: { ranges: Range[] }[] }[] }
    for (const { url, functions } of result) {
      if (!url.startsWith(`file://${tree}/src/`)) continue
      const source = fileURLToPath(url).slice(tree.length + 1)
      ranges.set(source, [...(ranges.get(source) ?? []), ...functions.flatMap((one) => one.ranges)])
    }
  }
  rmSync(dir, { recursive: true })
  return { takesMs: ms, ranges: [...ranges] }
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
