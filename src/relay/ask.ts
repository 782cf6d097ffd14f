import type { Letter } from '../mail/letter.ts'
import type { Fault, Outcome, Reply, Stage } from './outcome.ts'

/** What a dialogue wants of whoever performs it. */
export type Ask =
  /** Goes out with everything else that was said, before the next `hear`. */
  | { kind: 'say'; text: string; secret?: boolean }
  | { kind: 'content'; bytes: Uint8Array }
  | { kind: 'hear'; timeoutMs: number }
  | { kind: 'secure' }
  | { kind: 'next' }
  | { kind: 'settle'; letter: number; to: string; outcome: Outcome }

/** What it is told. `lost`: the connection is gone, too slow or not safe; a sentence, and what more is known of it. */
export type Answer = { reply: Reply } | { lost: string; code?: string; fault?: Fault } | { letter: Letter | undefined } | { done: true }

export type Asking<T> = Generator<Ask, T, Answer>

/** Ends the dialogue: letters that were not settled wait. */
export class Ended extends Error {
  override name = 'Ended'
  readonly fault: Fault
  constructor(fault: Fault) {
    super(fault.why)
    this.fault = fault
  }
}

/** RFC 5321 section 4.5.3.2, in ms. */
export const timers: Readonly<Record<Stage, number>> = {
  dns: 30_000,
  connect: 60_000,
  tls: 60_000,
  greeting: 300_000,
  ehlo: 300_000,
  starttls: 120_000,
  auth: 120_000,
  mail: 300_000,
  rcpt: 300_000,
  data: 120_000,
  content: 600_000,
  quit: 5_000,
}

export function* say(text: string, secret = false): Asking<void> {
  yield { kind: 'say', text: `${text}\r\n`, ...(secret ? { secret } : {}) }
}

export type Hearing = { reply: Reply } | { lost: string; code?: string }

/** The next reply, or that there will be none. */
export function* listen(stage: Stage, capMs: number): Asking<Hearing> {
  // The server may still be delivering when it owes the last reply: hanging up early makes duplicates (RFC 1047).
  const timeoutMs = stage === 'content' ? timers.content : Math.min(timers[stage], capMs)
  const answer = yield { kind: 'hear', timeoutMs }
  if ('reply' in answer) return { reply: answer.reply }
  return 'lost' in answer ? answer : { lost: 'The dialogue was broken off.' }
}

/** The next reply; ends the dialogue when there is none or the server closes (421). */
export function* hear(stage: Stage, capMs: number): Asking<Reply> {
  const heard = yield* listen(stage, capMs)
  if ('lost' in heard) throw new Ended({ stage, why: heard.lost, ...(heard.code === undefined ? {} : { code: heard.code }) })
  if (heard.reply.code === 421) throw new Ended({ stage, why: `The server closes the connection: ${heard.reply.text}`, reply: heard.reply })
  return heard.reply
}
