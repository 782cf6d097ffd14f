import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { SimRandom } from '../sim/world/random.ts'
import { argumentFor } from './argued.ts'
import { isWritten, type Mutant, mutantsOf, mutated } from './changes.ts'
import { copyOfTree, root } from './tree.ts'
import { run, type Trial, testsOf, trialOf } from './trials.ts'

/**
 * `npm run mutations:all [-- --room queue] [--file NAME] [--sample N] [--seed N] [--seeds N]`: small faults made at random places, one at a time, in a copy of the tree; those
 * that no test notices are listed, and exit 1, unless argued.ts says why nobody needs to. `--sample`: so many, spread evenly over the rooms; all without it. `--seeds`: lives of
 * the simulation. A run with `--seed` is the same again.
 */
const { values } = parseArgs({
  options: {
    room: { type: 'string', multiple: true, default: ['queue', 'relay', 'rules'] },
    file: { type: 'string', default: '' },
    sample: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '40' },
  },
})
const began = performance.now()
const minutes = () => ((performance.now() - began) / 60_000).toFixed(1)
/** Beyond what a test takes: a machine may be busy. */
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
  return taken.sort((a, b) => (a.file === b.file ? a.at - b.at : a.file < b.file ? -1 : 1))
}

/** Those about the source first, the cheap before the dear. */
const inOrder = (trials: readonly Trial[], file: string): Trial[] =>
  [...trials].sort((a, b) => Number(b.isAbout(file)) - Number(a.isAbout(file)) || a.takesMs - b.takesMs)

using tree = copyOfTree()
env.NODE_COMPILE_CACHE = `${tree.path}/cache`
const mutants = values.room.flatMap((room) => chosen(room, Math.ceil(Number(values.sample) / values.room.length)))
const trials: Trial[] = []
for (const test of testsOf(tree.path, [...new Set(mutants.map(({ file }) => file))])) trials.push(await trialOf(tree.path, test, env))
console.log(`${mutants.length} mutants, ${trials.length} files of tests, all green with nothing broken (${minutes()} min)`)

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
    end = (await run(tree.path, test, takesMs * 4 + patienceMs, env)).kind
    if (end !== 'green') break
  }
  writeFileSync(`${tree.path}/${mutant.file}`, text)
  if (end === 'silent') count.silent++
  if (end !== 'green') {
    count.killed++
    continue
  }
  const why = argumentFor(mutant)
  if (why !== undefined) count.argued++
  else {
    count.survived++
    console.log(`${mutant.file}:${mutant.line} (${mutant.kind}, ${reaching.length} files of tests)\n  - ${mutant.was}\n  + ${mutant.is}`)
  }
}
console.log(
  `${mutants.length} mutants, ${count.killed} killed (${count.silent} by silence), ${count.argued} argued, ${count.survived} survived, ${minutes()} min`,
)
process.exitCode = count.survived > 0 || mutants.length === 0 ? 1 : 0
