import type { Alert } from '../alert/alert.ts'

/** Trails: what the values were in the last day, for the plot in a letter. In memory only: after a restart a plot begins anew. */
const keysLimit = 256
const dayMs = 86_400_000
/** One value of each half hour, and the newest. */
const stepMs = 1_800_000
/** Fewer are no picture. */
const leastValues = 3

type Sample = { at: number; value: number }

export class Trails {
  readonly #samples = new Map<string, Sample[]>()

  /** Takes in the value of an alert (`now` in monotonic ms) and gives its trail, oldest first; undefined: it has no value, or too few came before. */
  add({ source, key = '', value }: Pick<Alert, 'source' | 'key' | 'value'>, now: number): [agoS: number, value: number][] | undefined {
    if (value === undefined) return undefined
    const name = `${source}\0${key}`
    const samples = (this.#samples.get(name) ?? []).filter(({ at }) => at > now - dayMs)
    const last = samples.at(-1)
    // The newest of a half hour stands for it.
    if (last && samples.length > 1 && last.at - (samples.at(-2)?.at ?? 0) < stepMs) samples.pop()
    samples.push({ at: now, value })
    this.#samples.delete(name)
    this.#samples.set(name, samples)
    if (this.#samples.size > keysLimit) this.#samples.delete(this.#samples.keys().next().value ?? '')
    return samples.length < leastValues ? undefined : samples.map((one) => [Math.round((now - one.at) / 1000), one.value])
  }
}
