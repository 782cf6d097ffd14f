import { readFileSync } from 'node:fs'
import type { Letter } from '../../../src/mail/letter.ts'
import { nodePorts } from '../../../src/ports/node.ts'
import { fly, type RelayOptions, type Supply } from '../../../src/relay/flight.ts'
import { type Job, measure, type Tally } from './client.ts'
import { letterOf } from './letters.ts'

/** The gateway's own relay client as a measured client: what it is asked to do is what the gateway asks of it. */
const { net, clock } = nodePorts({ level: 'error' })
let relay: RelayOptions | undefined

async function flight(job: Job, letters: (n: number) => Letter, count: number, tally: Tally): Promise<void> {
  // One and the same object for both flights: whatever is known of a relay may hang on it.
  relay ??= {
    id: 'bench',
    host: job.host,
    port: job.port,
    security: job.security,
    ca: readFileSync(job.ca, 'utf8'),
    auth: { kind: 'password', user: job.user, password: job.password },
    ehlo: 'ps7.example.org',
  }
  let given = 0
  const supply: Supply = {
    next: async () => (given < count ? letters(++given) : undefined),
    settle: (_letter, _to, outcome) => (outcome.kind === 'delivered' ? tally.delivered() : tally.failed(outcome.why)),
  }
  const { fault } = await fly(net, clock, relay, supply)
  if (fault) tally.failed(fault.why)
}

await measure(
  (job) => flight(job, (n) => letterOf(`${job.tag}-ahead`, n), 1, { delivered: () => {}, failed: (why) => console.error(why) }),
  (job, tally) => flight(job, (n) => letterOf(job.tag, n), job.letters, tally),
)
