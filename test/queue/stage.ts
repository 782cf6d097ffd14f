import assert from 'node:assert/strict'
import { silent } from '../../src/ports/log.ts'
import type { Offer } from '../../src/queue/offer.ts'
import { Queue, type QueueOptions } from '../../src/queue/queue.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** A queue on a disk of the simulated world, with small segments. `live` lets time pass until a promise has come to its end. */
export const segmentBytes = 64 * 1024
export const stage = (more: Partial<QueueOptions> = {}) => {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'boot-1')
  const disk = new SimDisk()
  const open = (on = disk, maxMiB = 1) => Queue.open({ disk: on, clock, log: silent, dir: 'data/journal', maxMiB, segmentBytes, ...more })
  const live = async <T>(promise: Promise<T>, ms = 5000): Promise<T> => {
    let result: { value: T } | { error: unknown } | undefined
    promise.then(
      (value) => {
        result = { value }
      },
      (error) => {
        result = { error }
      },
    )
    await timeline.run(timeline.now + ms, () => result !== undefined)
    assert.ok(result, 'it came to an end')
    if ('error' in result) throw result.error
    return result.value
  }
  const offer = (text: string, more: Partial<Offer> = {}): Offer => ({
    source: 'plc',
    text,
    severity: 'warning',
    state: 'event',
    to: ['ops'],
    stamp: { wall: clock.wall(), mono: clock.monotonic(), boot: clock.boot, synchronised: 'yes' },
    ...more,
  })
  return { timeline, clock, disk, open, live, offer }
}
