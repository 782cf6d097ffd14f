import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askForClock, setNodeClock, unitDir } from '../../src/ports/node/set-clock.ts'
import { nodePorts } from '../../src/ports/node.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { Timeline } from '../sim/world/timeline.ts'

const year = 365 * 24 * 3_600_000
const dir = 'run'
const word = `${dir}/clock`

/** What is answered to whoever wants the right time, by a box whose clock is a year behind, and how long that took. `unit`: what the system does 1.5 s later. */
async function asked(unit: (disk: SimDisk, clock: SimClock) => unknown) {
  const timeline = new Timeline()
  const disk = new SimDisk()
  await disk.makeDir(dir)
  const clock = new SimClock(timeline, 'boot-1')
  const wall = clock.wall()
  clock.wrongBy = -year
  timeline.at(1500, () => void unit(disk, clock))
  let answer: { why: string | undefined } | undefined
  void askForClock(
    { clock, disk },
    dir,
  )(wall).then((why) => {
    answer = { why }
  })
  await timeline.run(60_000, () => answer !== undefined)
  return { why: answer?.why, answered: answer !== undefined, tookMs: timeline.now, disk, wall }
}

const take = async (disk: SimDisk): Promise<number> => {
  const ms = Number(Buffer.from(await disk.read(word)).toString())
  await disk.remove(word)
  return ms
}

test('the clock is set when it has moved, and not when the word was only given', async () => {
  let brought: number | undefined
  const { why, answered, tookMs, wall } = await asked(async (disk, clock) => {
    brought = await take(disk)
    clock.wrongBy = 0
  })
  assert.ok(answered)
  assert.equal(why, undefined)
  assert.equal(brought, wall)
  assert.ok(tookMs >= 1500 && tookMs < 2000, `${tookMs}`)
})

test('a system that takes the word and sets nothing, or something else, is told of in a sentence', async () => {
  for (const wrongBy of [-year, -10_000]) {
    const { why, tookMs } = await asked(async (disk, clock) => {
      await take(disk)
      clock.wrongBy = wrongBy
    })
    assert.match(why ?? '', /did not take it.*outpost-clock\.service/)
    assert.ok(tookMs < 12_000, `${tookMs}: within what the page waits`)
  }
})

test('where nobody waits for the word, that is said, and it is not left for later', async () => {
  const { why, disk } = await asked(() => {})
  assert.match(why ?? '', /did not answer.*outpost-clock\.path/)
  assert.deepEqual(await disk.list(dir), [])
})

test('a directory that takes no word is a sentence', async () => {
  const clock = new SimClock(new Timeline(), 'boot-1')
  const disk = new SimDisk()
  disk.faults.readOnly = true
  assert.match((await askForClock({ clock, disk }, dir)(clock.wall())) ?? '', /EROFS/)
})

test('the unit, which may not set the clock, asks for it; a gateway that was started by hand sets it itself', () => {
  const before = process.env.RUNTIME_DIRECTORY
  try {
    delete process.env.RUNTIME_DIRECTORY
    assert.equal(nodePorts().setClock, setNodeClock)
    process.env.RUNTIME_DIRECTORY = unitDir
    assert.notEqual(nodePorts().setClock, setNodeClock)
  } finally {
    if (before === undefined) delete process.env.RUNTIME_DIRECTORY
    else process.env.RUNTIME_DIRECTORY = before
  }
})
