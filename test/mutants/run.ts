import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { SimRandom } from '../sim/world/random.ts'
import { argumentFor } from './argued.ts'
import { isWritten, type Mutant, mutantsOf, mutated } from './changes.ts'
import { copyOfTree, root } from './tree.ts'
import { roomOf, run, type Trial, testsOf, trialOf } from './trials.ts'

/**
 * `npm run mutations:all [-- --room queue] [--file NAME] [--sample N] [--seed N] [--near] [--seeds N]`: small faults made at random places, one at a time, in a copy of the tree; those
 * that no test notices are listed, and exit 1, unless argued.ts says why nobody needs to. `--sample`: so many, spread evenly over the rooms; all without it. `--near`: only by the tests of its own room;
 * `--seeds`: lives of the simulation. A run with `--seed` is the same again.
 */
const { values } = parseArgs({
  options: {
    room: { type: 'string', multiple: true, default: ['queue', 'relay', 'rules'] },
    file: { type: 'string', default: '' },
    sample: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '40' },
    near: { type: 'boolean', default: false },
  },
})
const began = performance.now()
const minutes = () => ((performance.now() - began) / 60_000).toFixed(1)
/** Beyond what a test takes. */
const patienceMs = 5000
const env = { OUTPOST_SEEDS: values.seeds, NODE_COMPILE_CACHE: undefined as string | undefined }

const sourcesOf = (room: string): string[] =>
  (readdirSync(`${root}src/${room}`, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `src/${room}/${name}`)
    .filter((name) => name.includes(values.file))
    .sort()

const textOf = (file: string): string => readFileSync(`${root}${file}`, 'utf8')

/** So many of a room, by chance; without those that Node would not run. */
function chosen(room: string, count: number): Mutant[] {
  const random = new SimRandom(Number(values.seed))
  const left = sourcesOf(room).flatMap((file) => mutantsOf(file, textOf(file)))
  const taken: Mutant[] = []
  while (left.length > 0 && taken.length < count) {
    const [one] = left.splice(random.below(left.length), 1)
    if (one && isWritten(mutated(textOf(one.file), one))) taken.push(one)
  }
  return taken
}

/** One of each in turn: a run that is broken off has tried as much of each room. */
const inTurn = (lists: readonly Mutant[][]): Mutant[] =>
  Array.from({ length: Math.max(...lists.map((list) => list.length)) }, (_, index) => lists.flatMap((list) => list[index] ?? [])).flat()

/** Those of its room first, the cheap before the dear. */
const inOrder = (trials: readonly Trial[], file: string): Trial[] => {
  const distance = (one: Trial) => (one.isAbout(file) ? 0 : roomOf(one.test) === roomOf(file) ? 1 : 2)
  return [...trials].sort((a, b) => distance(a) - distance(b) || a.takesMs - b.takesMs)
}

using tree = copyOfTree()
env.NODE_COMPILE_CACHE = `${tree.path}/cache`
const mutants = inTurn(values.room.map((room) => chosen(room, Math.ceil(Number(values.sample) / values.room.length))))
const trials: Trial[] = []
const sources = [...new Set(mutants.map(({ file }) => file))]
for (const test of testsOf(tree.path, sources, values.near)) trials.push(await trialOf(tree.path, test, `${root}build/mutants`, env))
console.log(`${mutants.length} mutants, ${trials.length} files of tests, all green with nothing broken (${minutes()} min)`)

let tried = 0
const count = { killed: 0, argued: 0, survived: 0, silent: 0 }
for (const mutant of mutants) {
  const text = textOf(mutant.file)
  writeFileSync(`${tree.path}/${mutant.file}`, mutated(text, mutant))
  const reaching = inOrder(
    trials.filter((trial) => trial.reaches(mutant.file, mutant.at)),
    mutant.file,
  )
  let end: 'green' | 'red' | 'silent' = 'green'
  for (const { test, takesMs } of reaching) {
    end = (await run(tree.path, test, takesMs * 2 + patienceMs, env)).kind
    if (end !== 'green') break
  }
  writeFileSync(`${tree.path}/${mutant.file}`, text)
  tried++
  if (end === 'silent') count.silent++
  if (end !== 'green') {
    count.killed++
    continue
  }
  const why = argumentFor(mutant)
  if (why !== undefined) count.argued++
  else {
    count.survived++
    console.log(
      `${tried} ${mutant.file}:${mutant.line} (${mutant.kind}, ${reaching.length} files of tests)\n  - ${mutant.was}\n  + ${mutant.is}`,
    )
  }
}
console.log(
  `${mutants.length} mutants, ${count.killed} killed (${count.silent} by silence), ${count.argued} argued, ${count.survived} survived, ${minutes()} min`,
)
process.exitCode = count.survived > 0 || mutants.length === 0 ? 1 : 0
