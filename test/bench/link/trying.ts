import type { Job } from './client.ts'
import { doors, type FarRelay } from './far.ts'
import { farAddressOf, type Lane, type Run } from './lane.ts'
import type { Result } from './limits.ts'
import type { Terms } from './line.ts'
import { msmtpVersion, runMsmtp } from './msmtp.ts'
import { runPostfix } from './postfix.ts'
import { links, lossSeeds, type Trial } from './trials.ts'

/** Performs trials, one after the other on each lane, and keeps what they came to. */
export class Trying {
  readonly results = new Map<string, Result>()
  readonly #dir: string
  readonly #relay: FarRelay
  readonly #everything: boolean

  constructor(dir: string, relay: FarRelay, everything: boolean) {
    this.#dir = dir
    this.#relay = relay
    this.#everything = everything
  }

  async lane(lane: Lane, number: number, trials: readonly Trial[]): Promise<void> {
    for (const trial of trials) {
      if (trial.client === 'msmtp' && msmtpVersion() === undefined) continue
      for (const link of this.#everything ? trial.on : trial.checked) {
        const name = `${trial.id}/${link}`
        if (trial.client !== 'outpost') await this.#one(lane, number, trial, links[link], name)
        else if (links[link].loss > 0) await this.#losses(lane, number, trial, links[link], name)
        else if (trial.checked.includes(link) && links[link].rate === 0) await this.#middle(lane, number, trial, links[link], name, 'all')
        else await this.#one(lane, number, trial, links[link], name)
      }
    }
  }

  /** What many letters cost the client. */
  async costs(lane: Lane, number: number, trials: readonly Trial[]): Promise<void> {
    for (const trial of trials) await this.#middle(lane, number, trial, links.none, `${trial.id}/none`, 'grown')
  }

  async #losses(lane: Lane, number: number, trial: Trial, terms: Terms, name: string): Promise<void> {
    await this.#one(lane, number, trial, terms, name)
    for (const seed of lossSeeds) await this.#one(lane, number, trial, { ...terms, seed }, `${name}/${seed}`)
  }

  /** Three runs, of which the middle one counts: others use the machine as well, and when garbage is collected is chance. */
  async #middle(lane: Lane, number: number, trial: Trial, terms: Terms, name: string, by: 'all' | 'grown'): Promise<void> {
    const runs: Result[] = []
    for (const run of ['a', 'b', 'c']) runs.push(await this.#one(lane, number, trial, terms, `${name}/${run}`))
    const [, middle] = runs.toSorted((one, other) => one[by] - other[by])
    if (middle) this.results.set(name, middle)
  }

  async #one(lane: Lane, number: number, trial: Trial, terms: Terms, name: string): Promise<Result> {
    const tag = name.replaceAll('/', '-')
    const { letters, connections, known, digest = false } = trial
    const job = { ...this.#relay.job(farAddressOf(number), doors[trial.door], tag), letters, connections, known, digest }
    const done = await this.#client(lane, trial, job, terms, `${this.#dir}/near-${number}`)
    const result = resultOf(done, letters, this.#relay.accepted(tag))
    this.results.set(name, result)
    for (const fault of new Set(done.faults)) console.log(`${name}: ${fault}`)
    console.log(`${name}: ${result.first.toFixed(2)} / ${result.all.toFixed(2)} s, ${result.turns} turns, lost ${result.lost}`)
    return result
  }

  #client(lane: Lane, trial: Trial, job: Job, terms: Terms, dir: string): Promise<Run> {
    switch (trial.client) {
      case 'outpost':
      case 'nodemailer':
        return lane.run(trial.client, job, terms)
      case 'postfix':
      case 'postfix-reuse':
        return runPostfix(lane, dir, job, terms, trial.client === 'postfix-reuse')
      case 'msmtp':
        return runMsmtp(lane, job, terms)
    }
  }
}

function resultOf(done: Run, letters: number, accepted: { once: number; again: number }): Result {
  const { up, down, turns } = done.count
  return {
    letters,
    first: done.first ?? Number.NaN,
    all: done.all ?? Number.NaN,
    lost: letters - accepted.once,
    again: accepted.again,
    connections: turns.length,
    turns: Math.max(0, ...turns),
    upPerLetter: up.payload / letters,
    downPerLetter: down.payload / letters,
    cpuSeconds: done.cpuSeconds,
    grown: done.grown,
  }
}
