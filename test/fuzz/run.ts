import { mkdirSync, writeFileSync } from 'node:fs'
import { fuzz } from './fuzzer.ts'
import { targets } from './targets.ts'

/** `npm run fuzz [-- NAME] [--minutes N] [--seed N]`: each target in turn, or those whose names hold NAME. What breaks one is written to test/fuzz/found, where the tests find it. */
const words = process.argv.slice(2)
const option = (name: string, otherwise: number): number => {
  const at = words.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(words.splice(at, 2)[1])
}
const minutes = option('minutes', 10)
const seed = option('seed', Math.floor(Math.random() * 1e9))
const chosen = targets.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
const ms = (minutes * 60_000) / Math.max(1, chosen.length)
console.log(`seed ${seed}, ${chosen.length} targets, ${Math.round(ms / 1000)} s each`)
for (const target of chosen) {
  const { runs, kept, finding } = await fuzz(target, { seed, runs: Number.POSITIVE_INFINITY, ms })
  console.log(`${target.name}: ${runs} runs, ${kept} inputs that reach further${finding ? `, BROKEN: ${finding.why}` : ''}`)
  if (!finding) continue
  const dir = new URL(`found/${target.name}/`, import.meta.url).pathname
  mkdirSync(dir, { recursive: true })
  const path = `${dir}${seed}-${Date.now()}`
  writeFileSync(path, finding.bytes)
  console.log(`kept as ${path}`)
  process.exitCode = 1
}
