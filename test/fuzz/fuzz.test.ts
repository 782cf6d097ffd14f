import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { broken, fuzz, type Target } from './fuzzer.ts'
import { targets } from './targets.ts'

/** A short run of every target with a seed that is printed, and everything that ever broke one. `npm run fuzz` goes on for as long as it is given. */
const seed = Number(process.env.OUTPOST_FUZZ_SEED ?? Math.floor(Math.random() * 1e9))

for (const target of targets)
  test(`${target.name} holds for whatever comes (seed ${seed})`, { timeout: 120_000 }, async () => {
    const { finding, runs } = await fuzz(target, { seed, runs: 150, ms: 20_000 })
    assert.equal(
      finding,
      undefined,
      `OUTPOST_FUZZ_SEED=${seed}: ${finding && JSON.stringify(Buffer.from(finding.bytes).toString('latin1'))}: ${finding?.why}`,
    )
    assert.ok(runs > 0)
  })

for (const target of targets) {
  const dir = new URL(`found/${target.name}/`, import.meta.url).pathname
  for (const name of existsSync(dir) ? readdirSync(dir) : [])
    test(`${target.name}: what broke it once does not any more (${name})`, async () => {
      assert.equal(await broken(target, readFileSync(dir + name)), undefined)
    })
}

test('the fuzzer itself finds what is hidden behind branches, and makes it short', { timeout: 120_000 }, async () => {
  const { hidden } = await import('./hidden.ts')
  const target: Target = { name: 'hidden', seeds: ['hello'], run: hidden }
  const { finding } = await fuzz(target, { seed: 1, runs: 400_000, ms: 60_000 })
  assert.equal(finding && Buffer.from(finding.bytes).toString('latin1'), '{}=')
})
