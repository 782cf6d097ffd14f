import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { mutations } from './promises.ts'

/**
 * `npm run mutations [-- WORDS]`: the code is broken on purpose, a promise at a time, in a copy of the tree; the tests must notice each. A mutation whose
 * place is not found any more fails, too: it would prove nothing.
 */
const root = new URL('../..', import.meta.url).pathname
let missed = 0
const wanted = process.argv.slice(2).join(' ')
const chosen = mutations.filter(({ what, file }) => `${file} ${what}`.includes(wanted))
for (const { what, file, from, to, tests } of chosen) {
  const copy = mkdtempSync(`${tmpdir()}/outpost-mutation-`)
  for (const part of ['src', 'test', 'package.json', 'tsconfig.json']) cpSync(`${root}${part}`, `${copy}/${part}`, { recursive: true })
  symlinkSync(`${root}node_modules`, `${copy}/node_modules`)
  const path = `${copy}/src/${file}`
  const text = readFileSync(path, 'utf8')
  const changed = text.replace(from, () => to)
  writeFileSync(path, changed)
  const env = { ...process.env, OUTPOST_SEEDS: '300' }
  const green = () =>
    spawnSync(process.execPath, ['--test', '--test-timeout=120000', ...tests], { cwd: copy, timeout: 180_000, env }).status === 0
  const caught = changed !== text && !green()
  if (!caught) missed++
  console.log(`${changed === text ? 'NOT FOUND' : caught ? 'caught   ' : 'MISSED   '} ${what}`)
  rmSync(copy, { recursive: true, force: true })
}
console.log(`${chosen.length} mutations, ${missed} missed`)
process.exit(missed > 0 || chosen.length === 0 ? 1 : 0)
