import type { Sys } from '../ports/sys.ts'
import type { Mood } from './health.ts'

/**
 * Lamp: the state of the box for somebody who stands before it. The kernel blinks (trigger `timer`), so no timer of ours runs, and a pattern is written only when it changes.
 * The table of docs/field-guide.md tells what each means.
 */
export type Pattern = { on: boolean } | { onMs: number; offMs: number }

/** What the lamp tells of; the first that holds is shown. */
export type Sight = {
  /** The button is held: let go, or everything is reset. */
  pressed: boolean
  /** Nobody has set the box up yet. */
  unclaimed: boolean
  mood: Mood
}

const patterns = {
  flicker: { onMs: 50, offMs: 50 },
  fast: { onMs: 125, offMs: 125 },
  slow: { onMs: 1000, offMs: 1000 },
  flash: { onMs: 100, offMs: 2900 },
  gap: { onMs: 2900, offMs: 100 },
  light: { on: true },
  dark: { on: false },
} as const satisfies Record<string, Pattern>

export const dark: Pattern = patterns.dark

export function patternFor({ pressed, unclaimed, mood }: Sight): Pattern {
  if (pressed) return patterns.flicker
  if (mood === 'trouble') return patterns.fast
  if (mood === 'starting') return patterns.gap
  if (unclaimed) return patterns.flash
  return mood === 'waits' ? patterns.slow : patterns.light
}

/** Of the lamp for the link. */
export const linkPattern = (up: boolean): Pattern => (up ? patterns.light : patterns.dark)

export class Lamp {
  readonly #sys: Sys
  readonly #dir: string
  #shown: string | undefined

  /** `name`: below /sys/class/leds. */
  constructor(sys: Sys, name: string) {
    this.#sys = sys
    this.#dir = `/sys/class/leds/${name}`
  }

  /**
   * Shows a pattern. Resolves with undefined, or with a sentence: why it cannot be shown. Then the next call tries again, because the files for the times appear with the trigger and
   * get their owner a moment later (udev).
   */
  async show(pattern: Pattern): Promise<string | undefined> {
    const wanted = JSON.stringify(pattern)
    if (this.#shown === wanted) return undefined
    const why = 'on' in pattern ? await this.#steady(pattern.on) : await this.#blink(pattern)
    this.#shown = why === undefined ? wanted : undefined
    return why
  }

  async #steady(on: boolean): Promise<string | undefined> {
    const most = on ? ((await this.#sys.read(`${this.#dir}/max_brightness`)) ?? '1').trim() : '0'
    return (await this.#set('trigger', 'none')) ?? (await this.#set('brightness', most))
  }

  async #blink({ onMs, offMs }: { onMs: number; offMs: number }): Promise<string | undefined> {
    // Choosing a trigger again begins it anew, with times of its own: only when another one is in use.
    const trigger = (await this.#sys.read(`${this.#dir}/trigger`)) ?? ''
    const chosen = trigger.includes('[timer]') ? undefined : await this.#set('trigger', 'timer')
    return chosen ?? (await this.#set('delay_on', String(onMs))) ?? (await this.#set('delay_off', String(offMs)))
  }

  #set(file: string, text: string): Promise<string | undefined> {
    return this.#sys.write(`${this.#dir}/${file}`, text)
  }
}
