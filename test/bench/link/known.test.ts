import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { Namespace } from '../../peers/namespace.ts'
import { missing } from '../../peers/process.ts'
import { FarRelay } from './far.ts'
import { farAddressOf, Lane } from './lane.ts'
import { known, resultOf } from './limits.ts'
import { ThinLink } from './line.ts'
import { lanes } from './trials.ts'
import { Trying } from './trying.ts'

/** What a backlog costs on a dear link, to a real relay that is known from before. Octets and turns are counted by the line between two namespaces, and no time is. */
const skip =
  missing('ip', 'gcc', 'postfix', 'dovecot', 'openssl') ||
  (process.getuid?.() === 0 && process.platform === 'linux' ? false : 'namespaces and TUN devices need root on Linux')
const dir = mkdtempSync(`${tmpdir()}/outpost-known-`)
const name = `outpost-known-${process.pid}`
const number = 98
let far: Namespace
let relay: FarRelay
let lane: Lane

before(async () => {
  if (skip) return
  chmodSync(dir, 0o755)
  far = new Namespace(`${name}-far`)
  relay = await FarRelay.start(dir, far, [farAddressOf(number)])
  lane = await Lane.open(ThinLink.compile(dir), name, number, far)
})

after(async () => {
  await lane?.close()
  await relay?.stop()
  far?.remove()
  rmSync(dir, { recursive: true, force: true })
})

for (const security of ['tls', 'starttls'] as const) {
  const id = security === 'tls' ? 'outpost' : 'outpost-starttls'

  test(`50 letters to a known relay over ${security}: few turns, and hardly an octet but theirs`, { skip, timeout: 90_000 }, async (t) => {
    const trial = lanes.flat().find((one) => one.id === id)
    assert.ok(trial)
    const trying = new Trying(dir, relay, true)
    await trying.lane(lane, number, [{ ...trial, on: ['satellite'], checked: [] }])
    const { letters, lost, again, connections, turns, upPerLetter, downPerLetter } = resultOf(trying.results, id, 'satellite')
    t.diagnostic(`${turns} turns, ${upPerLetter.toFixed(1)} octets up and ${downPerLetter.toFixed(1)} down a letter`)
    assert.deepEqual({ letters, lost, again, connections }, { letters: 50, lost: 0, again: 0, connections: 1 })
    assert.ok(turns <= known.turns[security], `${turns} turns`)
    assert.ok(upPerLetter <= known.upPerLetter, `${upPerLetter} octets up a letter`)
    assert.ok(downPerLetter <= known.downPerLetter, `${downPerLetter} octets down a letter`)
  })
}
