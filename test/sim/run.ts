import { parseArgs } from 'node:util'
import { live } from './life.ts'

/** `npm run sim -- --seeds 1000 [--first 1] [--days 7] [--trace] [--rules]`: many lives; the seeds that broke a promise are printed, and exit 1. */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    first: { type: 'string', default: '1' },
    days: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    rules: { type: 'boolean', default: false },
  },
})
const first = Number(values.first)
const count = Number(values.seeds)
const began = performance.now()
let broken = 0
const sum = { alerts: 0, letters: 0, cuts: 0 }
for (let seed = first; seed < first + count; seed++) {
  const verdict = await live(seed, values.rules, Number(values.days))
  sum.alerts += verdict.alerts
  sum.letters += verdict.letters
  sum.cuts += verdict.cuts
  if (values.trace) console.log(verdict.trace.join('\n'))
  if (verdict.faults.length === 0) continue
  broken++
  console.log(`seed ${seed}:\n  ${verdict.faults.slice(0, 6).join('\n  ')}`)
}
console.log(
  `${count} lives, ${sum.alerts} alerts, ${sum.letters} letters, ${sum.cuts} power cuts, ${broken} broken, ${((performance.now() - began) / 1000).toFixed(1)} s`,
)
process.exit(broken > 0 ? 1 : 0)
