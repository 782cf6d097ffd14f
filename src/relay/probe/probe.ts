import type { Clock } from '../../ports/clock.ts'
import { type Net, NetError } from '../../ports/net.ts'
import { cure, withCure } from '../cure/cure.ts'
import { Ended } from '../dialogue/ask.ts'
import type { Fault, Stage } from '../outcome.ts'
import { approachOf, connectFault, type RelayOptions } from '../relay.ts'
import { chainInWords } from './certificate.ts'
import { LineBreak } from './line.ts'
import { look, type Seen } from './look.ts'
import { type Envelope, type Found, type Tools, Visit } from './visit.ts'

/**
 * Probe: goes the whole way to a relay, step by step, and sends nothing: DNS, TCP, TLS, greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET, QUIT.
 * Works on values that were never saved. Stops at the first fault, with its cure.
 */
export type Step = {
  step: string
  stage: Stage
  ms: number
  ok: boolean
  /** What was found; after a fault also what to do. For the person at the page. */
  sentence: string
  /** What to do, alone. */
  cure?: string
  /** Particulars, a line each: addresses, certificates with the days that are left, what the server offers. */
  facts: readonly string[]
  /** C: and S: lines of this step, secrets masked. */
  transcript: readonly string[]
}

export type { Envelope, Tools } from './visit.ts'

export async function* probe(tools: Tools, relay: RelayOptions, envelope: Envelope): AsyncGenerator<Step> {
  const { net, clock } = tools
  const visit = new Visit(tools, relay, envelope)
  try {
    for (const { step, stage, take } of visit.steps()) {
      const from = clock.monotonic()
      try {
        const found = await take()
        yield good(visit, step, stage, tenths(clock.monotonic() - from), found)
      } catch (error) {
        const ms = tenths(clock.monotonic() - from)
        const fault = faultOf(error, stage, clock)
        const transcript = visit.line?.takeTranscript() ?? []
        const seen = await lookAgain(net, clock, relay, fault)
        if (seen.said !== undefined) transcript.push(`S: ${seen.said}`)
        await visit.sayGoodbye(fault)
        const help = cure({ ...fault, ...visit.known(fault), ...seen }, approachOf(relay)) ?? fault.hint
        yield bad(
          visit,
          { step, stage: fault.stage, ms, transcript, facts: chainInWords(fault.chain ?? [], clock.wall()) },
          fault.why,
          help,
        )
        return
      }
    }
  } finally {
    visit.end()
  }
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10

const good = (visit: Visit, step: string, stage: Stage, ms: number, { sentence, facts = [] }: Found): Step => ({
  step,
  stage,
  ms,
  ok: true,
  sentence: visit.mask(sentence),
  facts: facts.map((one) => visit.mask(one)),
  transcript: visit.line?.takeTranscript() ?? [],
})

const bad = (visit: Visit, about: Omit<Step, 'ok' | 'sentence' | 'cure'>, why: string, help: string | undefined): Step => ({
  ...about,
  ok: false,
  sentence: visit.mask(withCure(why, help)),
  ...(help === undefined ? {} : { cure: visit.mask(help) }),
  transcript: about.transcript.map((line) => visit.mask(line)),
})

function faultOf(error: unknown, stage: Stage, clock: Clock): Fault {
  if (error instanceof Ended) return error.fault
  if (error instanceof NetError) return connectFault(error, clock)
  if (error instanceof LineBreak) return { stage, why: error.message }
  throw error
}

/** Where silence or no TLS came, somebody else may speak. After STARTTLS the port is known to begin in clear. */
async function lookAgain(net: Net, clock: Clock, relay: RelayOptions, { stage, code = '' }: Fault): Promise<Seen> {
  if (stage === 'greeting' && /^(?:ETIMEDOUT|ECLOSED)$/.test(code)) return look(net, clock, relay, 'greeting')
  const noTls = stage === 'tls' && /^EPLAINTEXT$|^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(code)
  return noTls && relay.security === 'tls' ? look(net, clock, relay, 'tls') : {}
}
