import type { Letter } from '../../mail/letter.ts'
import type { Fault, Offers, Outcome, Reply, Stage } from '../outcome.ts'
import type { Skill } from '../traits.ts'

/** What a dialogue wants of whoever performs it. */
export type Ask =
  /** Goes out with everything else that was said, before the next `hear` has to wait. */
  | { kind: 'say'; text: string; secret?: boolean }
  | { kind: 'content'; bytes: Uint8Array }
  | { kind: 'hear'; timeoutMs: number }
  | { kind: 'secure' }
  | { kind: 'offers'; offers: Offers }
  | { kind: 'learn'; skill: Skill; good: boolean }
  | { kind: 'next' }
  | { kind: 'settle'; letter: number; to: string; outcome: Outcome }

/**
 * What it is told. `said`: octets that were said on this connection so far, the content among them. `lost`: the connection is gone, too slow or
 * not safe, a sentence, and what more is known of it; `handed`: how many of the octets that were said may have left.
 */
export type Answer =
  | { reply: Reply }
  | { lost: string; code?: string; fault?: Fault; handed?: number }
  | { letter: Letter | undefined }
  | { said: number }
  | { done: true }

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

/** Says content; returns how many octets were said on this connection with its last one. */
export function* sayContent(bytes: Uint8Array): Asking<number> {
  const answer = yield { kind: 'content', bytes }
  return 'said' in answer ? answer.said : Number.POSITIVE_INFINITY
}

export type Lost = { lost: string; code?: string; handed: number }
export type Hearing = { reply: Reply } | Lost

/** The next reply, or that there will be none. */
export function* listen(stage: Stage, capMs: number): Asking<Hearing> {
  // The server may still be delivering when it owes the last reply: hanging up early makes duplicates (RFC 1047).
  const timeoutMs = stage === 'content' ? timers.content : Math.min(timers[stage], capMs)
  const answer = yield { kind: 'hear', timeoutMs }
  if ('reply' in answer) return { reply: answer.reply }
  const {
    lost,
    code,
    handed = Number.POSITIVE_INFINITY,
  } = 'lost' in answer ? answer : { lost: 'The dialogue was broken off.', code: undefined }
  return { lost, handed, ...(code === undefined ? {} : { code }) }
}

/** The next reply; ends the dialogue when there is none or the server closes (421). */
export function* hear(stage: Stage, capMs: number): Asking<Reply> {
  const heard = yield* listen(stage, capMs)
  if ('lost' in heard) throw broken(stage, heard)
  if (heard.reply.code === 421) throw closing(stage, heard.reply)
  return heard.reply
}

export const closing = (stage: Stage, reply: Reply): Ended =>
  new Ended({ stage, why: `The server closes the connection: ${reply.text}`, reply })

export const broken = (stage: Stage, { lost, code }: Lost): Ended =>
  new Ended({ stage, why: lost, ...(code === undefined ? {} : { code }) })
