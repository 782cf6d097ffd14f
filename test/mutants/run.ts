import { parseArgs } from 'node:util'
import { SimRandom } from '../sim/world/random.ts'
import { argumentFor } from './argued.ts'
import { Bench, type End } from './bench.ts'
import { isWritten, type Mutant, mutantsOf, mutated } from './changes.ts'
import { filesIn, roomOf, textOf } from './tree.ts'
import { type Trial, testsOf, trialOf } from './trials.ts'

/**
 * `npm run mutations:all [-- --room queue] [--file NAME] [--sample N] [--seed N] [--near] [--within MS]`: small faults at random places, one at a time and in memory
 * alone; those that no test notices are listed, and exit 1, unless argued.ts says why nobody needs to.
 *
 * `--sample`: so many, spread evenly over the rooms, the same for the same `--seed`; all without it. `--near`: only by the tests of the source's own room.
 * `--within`: only by files of tests that take no more of the processor's time. `--seeds`: lives of the simulation.
 */
const { values } = parseArgs({
  options: {
    room: { type: 'string', multiple: true, default: ['queue', 'relay', 'rules'] },
    file: { type: 'string', default: '' },
    sample: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    near: { type: 'boolean', default: false },
    within: { type: 'string', default: 'Infinity' },
    seeds: { type: 'string', default: '40' },
  },
})
const began = performance.now()
const minutes = () => `${((performance.now() - began) / 60_000).toFixed(1)} min`
const env = { OUTPOST_SEEDS: values.seeds }

/** So many of a room, by chance; without those that Node would not run. */
function chosen(room: string, count: number): Mutant[] {
  const random = new SimRandom(Number(values.seed))
  const sources = filesIn(`src/${room}`).filter((file) => file.includes(values.file))
  const left = sources.flatMap((file) => mutantsOf(file, textOf(file)))
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
function inOrder(trials: readonly Trial[], { file, at }: Mutant): Trial[] {
  const distance = (one: Trial) => (one.isAbout(file) ? 0 : roomOf(one.test) === roomOf(file) ? 1 : 2)
  return trials.filter((one) => one.reaches(file, at)).sort((a, b) => distance(a) - distance(b) || a.takesMs - b.takesMs)
}

const mutants = inTurn(values.room.map((room) => chosen(room, Math.ceil(Number(values.sample) / values.room.length))))
const bench = new Bench(env)
const trials: Trial[] = []
for (const test of testsOf([...new Set(mutants.map(({ file }) => file))], values.near)) {
  const trial = await trialOf(test, bench, env)
  if (!trial) console.log(`${test} does not run on the bench and is left out`)
  else if (trial.takesMs <= Number(values.within)) trials.push(trial)
}
console.log(`${mutants.length} mutants, ${trials.length} files of tests, all green with nothing broken (${minutes()})`)

const count = { tried: 0, killed: 0, silent: 0, argued: 0, survived: 0 }
const sum = () =>
  `${count.tried} mutants, ${count.killed} killed (${count.silent} by silence), ${count.argued} argued, ${count.survived} survived, ${minutes()}`
for (const mutant of mutants) {
  const reaching = inOrder(trials, mutant)
  let end: End = 'green'
  for (const { test, takesMs } of reaching) {
    end = (await bench.run({ test, file: mutant.file, change: mutant }, takesMs)).end
    if (end !== 'green') break
  }
  count.tried++
  if (count.tried % 50 === 0) console.error(sum())
  if (end !== 'green') {
    count.killed++
    if (end === 'silent') count.silent++
    continue
  }
  if (argumentFor(mutant) !== undefined) count.argued++
  else {
    count.survived++
    console.log(`${mutant.file}:${mutant.line} (${mutant.kind}, ${reaching.length} files of tests)\n  - ${mutant.was}\n  + ${mutant.is}`)
  }
}
bench.stop()
console.log(sum())
process.exitCode = count.survived > 0 || mutants.length === 0 ? 1 : 0
