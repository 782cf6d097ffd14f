import type { Cancel } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import type { DeviceStore } from '../settings/device.ts'
import type { Scene } from './command.ts'

/** Often enough to bound the time of a boot without a clock, and seldom enough for a card. */
const everyMs = 24 * 3600 * 1000

/**
 * Keeps in device.json when the clock was last known to be right: at once, daily, and when the returned function is called. A later boot with an
 * unset clock cannot have happened before.
 */
export function keepKnownTime(scene: Scene, device: DeviceStore): () => Promise<void> {
  const { clock, log } = scene.ports
  let cancel: Cancel = () => {}
  const keep = async () => {
    if (clock.synchronised() !== 'yes') return
    try {
      await device.synchronised(clock.wall())
    } catch (error) {
      log('warning', 'device: the time cannot be kept', { why: sentence(error) })
    }
  }
  const again = () => {
    cancel = clock.after(everyMs, again)
    void keep()
  }
  again()
  return async () => {
    cancel()
    await keep()
  }
}
