/** Tally: what a server sees, second by second, from the moment at which the outage ends. */
export class Tally {
  /** Connections that reached the server, and those among them that it turned away. */
  readonly #knocks: number[] = []
  readonly #refused: number[] = []
  readonly #letters: number[] = []
  refused = 0
  knocks = 0
  letters = 0
  open = 0
  peakOpen = 0
  readonly #began: number

  /** `began`: when the outage ends, in ms of the fleet's time; what was before is not counted. */
  constructor(began: number) {
    this.#began = began
  }

  knock(now: number): void {
    this.knocks++
    count(this.#knocks, now - this.#began, 1)
  }

  refuse(now: number): void {
    this.refused++
    count(this.#refused, now - this.#began, 1)
  }

  letter(now: number, how: number): void {
    this.letters += how
    count(this.#letters, now - this.#began, how)
  }

  opened(): void {
    this.open++
    this.peakOpen = Math.max(this.peakOpen, this.open)
  }

  closed(): void {
    this.open--
  }

  get peakKnocks(): number {
    return peak(this.#knocks)
  }

  get peakLetters(): number {
    return peak(this.#letters)
  }

  /** Connections a second in the busiest of so many seconds on end, on average. */
  knocksOver(seconds: number): number {
    let most = 0
    for (let at = 0; at < this.#knocks.length; at++) {
      let sum = 0
      for (let i = 0; i < seconds; i++) sum += this.#knocks[at + i] ?? 0
      most = Math.max(most, sum)
    }
    return most / seconds
  }
}

function count(seconds: number[], ms: number, how: number): void {
  const at = Math.max(0, Math.floor(ms / 1000))
  while (seconds.length <= at) seconds.push(0)
  seconds[at] = (seconds[at] ?? 0) + how
}

const peak = (seconds: readonly number[]): number => seconds.reduce((most, one) => Math.max(most, one), 0)

/** The value below which `part` of them lie. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
}
