import type { Timeline } from '../../sim/world/timeline.ts'

/**
 * A timeline that goes on by itself, one virtual millisecond a turn of the loop, so that a story may simply wait as it does in the real
 * world. What it waits for comes in the order of the timeline; only how long that takes for real is open. A story that hangs does not keep it
 * going for ever.
 */
const longestMs = 600_000

export function lively(timeline: Timeline): { pass(ms: number): Promise<void>; done(): void } {
  let over = false
  void (async () => {
    while (!over && timeline.now < longestMs) await timeline.run(timeline.now + 1)
  })()
  return {
    pass: (ms) => new Promise((resolve) => void timeline.at(ms, resolve)),
    done: () => {
      over = true
    },
  }
}
