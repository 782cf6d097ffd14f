import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepListening } from '../../src/cli/keep-listening.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** A port that takes its time to open. */
class Port {
  open = 0
  opened = 0
  readonly #timeline: Timeline
  readonly #ms: number

  constructor(timeline: Timeline, ms: number) {
    this.#timeline = timeline
    this.#ms = ms
  }

  async listen(): Promise<{ close(): Promise<void> }> {
    this.opened++
    await this.pass()
    this.open++
    return {
      close: async () => {
        await this.pass()
        this.open--
      },
    }
  }

  pass(): Promise<void> {
    return new Promise((resolve) => void this.#timeline.at(this.#ms, resolve))
  }
}

test('a listener that is only just opening when it is stopped is closed, too', async () => {
  const timeline = new Timeline()
  const port = new Port(timeline, 400)
  let wanted: string | undefined
  const stop = await keepListening({
    clock: new SimClock(timeline, 'boot'),
    wanted: () => wanted,
    listen: () => port.listen(),
    failed: (error) => assert.fail(String(error)),
  })
  wanted = 'here'
  await timeline.run(1200)
  assert.deepEqual([port.opened, port.open], [1, 0], 'it is on its way')
  let stopped = false
  void stop().then(() => {
    stopped = true
  })
  await timeline.run(60_000)
  assert.deepEqual([stopped, port.opened, port.open], [true, 1, 0])
})

test('a listener that is moving when it is stopped does not open at the other place', async () => {
  const timeline = new Timeline()
  const port = new Port(timeline, 400)
  let wanted = 'here'
  const starting = keepListening({
    clock: new SimClock(timeline, 'boot'),
    wanted: () => wanted,
    listen: () => port.listen(),
    failed: (error) => assert.fail(String(error)),
  })
  await timeline.run(500)
  const stop = await starting
  assert.equal(port.open, 1)
  wanted = 'there'
  await timeline.run(1500)
  assert.equal(port.open, 1, 'the old one is closing')
  let stopped = false
  void stop().then(() => {
    stopped = true
  })
  await timeline.run(60_000)
  assert.deepEqual([stopped, port.opened, port.open], [true, 1, 0])
})

test('a place that cannot be had is tried every few seconds and told ever more seldom, and anew of another place', async () => {
  const timeline = new Timeline()
  let wanted = 'here'
  let tries = 0
  const told: string[] = []
  const stop = await keepListening({
    clock: new SimClock(timeline, 'boot'),
    wanted: () => wanted,
    listen: async () => {
      tries++
      throw new Error(wanted)
    },
    failed: (error) => told.push((error as Error).message),
  })
  await timeline.run(3_600_000)
  assert.ok(tries > 700, `${tries} tries`)
  assert.equal(told.length, 10)
  wanted = 'there'
  await timeline.run(3_620_000)
  assert.deepEqual(told.slice(10, 12), ['there', 'there'])
  await stop()
})
