import { readFileSync } from 'node:fs'
import { Crossing } from '../../../src/gateway/crossing.ts'
import type { Letter } from '../../../src/mail/letter.ts'
import { nodePorts } from '../../../src/ports/node.ts'
import type { RelayOptions } from '../../../src/relay/relay.ts'
import { unknownTraits } from '../../../src/relay/traits.ts'
import { type Job, measure, type Tally } from './client.ts'
import { digestLetterOf, letterOf } from './letters.ts'

/** The gateway's own way to a relay as a measured client, without the journal behind it: what it learns on one crossing it knows on the next. */
const { net, clock, random } = nodePorts({ level: 'error' })
let traits = unknownTraits

const relayOf = (job: Job): RelayOptions => ({
  id: 'bench',
  host: job.host,
  port: job.port,
  security: job.security,
  ca: readFileSync(job.ca, 'utf8'),
  auth: { kind: 'password', user: job.user, password: job.password },
  ehlo: 'ps7.example.org',
})

async function cross(job: Job, letters: (n: number) => Letter, count: number, tally: Tally): Promise<void> {
  let given = 0
  const load = {
    next: async () => (given < count ? letters(++given) : undefined),
    settle: (_letter: number, _to: string, outcome: { kind: string; why?: string }) =>
      outcome.kind === 'delivered' ? tally.delivered() : tally.failed(outcome.why ?? outcome.kind),
    finish: async () => {},
  }
  const crossing = new Crossing({
    net,
    clock,
    random,
    relay: relayOf(job),
    traits,
    load: () => load,
    due: (limit) => Math.min(limit, count - given),
    signal: new AbortController().signal,
  })
  await crossing.fly()
  traits = crossing.traits
  if (crossing.report.fault) tally.failed(crossing.report.fault.why)
}

await measure(
  (job) => cross(job, (n) => letterOf(`${job.tag}-ahead`, n), 1, { delivered: () => {}, failed: (why) => console.error(why) }),
  (job, tally) => cross(job, (n) => (job.digest ? digestLetterOf(job.tag) : letterOf(job.tag, n)), job.letters, tally),
)
