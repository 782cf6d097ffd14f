import type { Cancel, Clock, Monotonic } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import { checkSettings } from '../settings/check.ts'
import type { Device, DeviceStore } from '../settings/device.ts'
import { effective, type Settings } from '../settings/schema.ts'
import type { Scene } from './command.ts'
import type { Loaded } from './load.ts'

/**
 * Trial: the page was moved, and may be out of reach now. Unless somebody says from its new place that it is not, it goes back to where it was at first: after two minutes, or at the next start, since who cannot reach
 * the page any more pulls the plug. So the place before is on the disk ahead of the settings that move the page.
 */
const trialMs = 120_000

export class Trial {
  readonly #clock: Clock
  readonly #device: DeviceStore
  readonly #goBack: () => void
  #running: { until: Monotonic; cancel: Cancel } | undefined

  constructor(clock: Clock, device: DeviceStore, goBack: () => void) {
    this.#clock = clock
    this.#device = device
    this.#goBack = goBack
  }

  /** Undefined: nothing is on trial. */
  get leftMs(): number | undefined {
    return this.#running && Math.max(0, this.#running.until - this.#clock.monotonic())
  }

  /** Keeps where the page is before it moves; of several moves the first place counts. The returned function forgets it, should it not move after all. Rejects with DiskError. */
  async note({ listen, tls }: Place): Promise<() => Promise<void>> {
    if (this.#device.data.placeBefore) return async () => {}
    await this.#device.placeBefore({ listen, tls })
    return () => this.#device.placeBefore(undefined)
  }

  begin(): void {
    this.stop()
    const cancel = this.#clock.after(trialMs, () => {
      this.#running = undefined
      this.#goBack()
    })
    this.#running = { until: (this.#clock.monotonic() + trialMs) as Monotonic, cancel }
  }

  /** It is well in its new place. False: nothing was on trial. Rejects with DiskError; it is still on trial then. */
  async confirm(): Promise<boolean> {
    if (!this.#running) return false
    await this.#device.placeBefore(undefined)
    this.stop()
    return true
  }

  /** The end of this life, not of the trial: what nobody has confirmed goes back at the next start. */
  stop(): void {
    this.#running?.cancel()
    this.#running = undefined
  }
}

type Place = NonNullable<Device['placeBefore']>

export const isSamePlace = (one: Place, other: Place): boolean => one.listen === other.listen && one.tls === other.tls

/** The settings with the page where it was; undefined: these are no settings of this software. */
export function placedAt(settings: Settings, place: Place): Settings | undefined {
  return checkSettings(JSON.stringify({ ...settings, web: { ...settings.web, ...place } })).settings
}

/** At a start: a page whose move nobody confirmed goes back, also on a disk that takes nothing. */
export async function movedBack({ ports: { log } }: Scene, device: DeviceStore, loaded: Loaded): Promise<Loaded> {
  const place = device.data.placeBefore
  if (!place) return loaded
  // A place that this software does not know is none to go back to.
  const settings = placedAt(loaded.written, place) ?? loaded.written
  const isThere = isSamePlace(settings.web, loaded.written.web)
  if (!isThere) log('warning', 'web: nobody confirmed the new place of the page before this start; it goes back', place)
  try {
    if (!isThere) await loaded.store.save(settings)
    await device.placeBefore(undefined)
  } catch (error) {
    log('error', 'web: the place before cannot be kept; it is taken all the same', { why: sentence(error) })
  }
  return { ...loaded, written: settings, settings: effective(settings) }
}
