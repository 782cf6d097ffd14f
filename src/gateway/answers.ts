import { rank } from '../alert/alert.ts'
import { splitMail } from '../alert/mime.ts'
import { type Answer, answerIn, codeIn, isAutomatic, senderOf } from '../mail/answer.ts'
import { mayBeReport, reportIn } from '../mail/report.ts'
import { type Pop3Account, Pop3Client, Pop3TooLong } from '../mailbox/pop3-client.ts'
import { type Cancel, type Clock, sleep } from '../ports/clock.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { Net } from '../ports/net.ts'
import type { Situation } from '../rules/situation.ts'
import { durationMs } from '../settings/duration.ts'
import type { SeenMail } from '../settings/seen-mail.ts'
import { letterOf } from './answer-code.ts'
import type { Person } from './people.ts'

/**
 * Answers: the box looks into its own remote mailbox, headers first. Delivery reports say that a letter which a relay took was refused further on; answers of known people with the code of a
 * letter acknowledge, silence, or ask how things stand. All else is left alone, and nothing is deleted.
 */
export type AnswersOptions = {
  net: Net
  clock: Clock
  log: Log
  account: Pop3Account
  everyMs: number
  /** Of the codes in the subjects. */
  key: Uint8Array
  deviceId: string
  people: readonly Person[]
  seen: SeenMail
  /** False: there is no way out, so nothing is tried. */
  isLinkUp(): boolean
  /** What is still raised of all that this letter told. */
  situationsOf(letter: number): readonly Situation[]
  /** False: it is over meanwhile. */
  acknowledge(id: number, by: string): Promise<boolean>
  silence(situation: Situation, ms: number, by: string): Promise<void>
  /** Sends the state of the box to this person. */
  tellState(person: string): Promise<void>
  /** Says to this person that his answer changed nothing, or less than he meant: of so many that the letter told and that are raised, so many are silenced. */
  tellLimits(person: string, letter: number, limits: { raised: number; silenced: number }): Promise<void>
  /** A letter that had left was refused further on: a notice lies in the mailbox when it resolves with true. */
  bounced(id: number, recipient: string, why: string): Promise<boolean>
}

/** The newest that are looked at in one go. */
const messagesLimit = 200
/** The newest that are looked at at all; fewer than are remembered (`settings/seen-mail`), or those that were forgotten would be looked at for ever. */
const newestLimit = 4000
/** Lines of a body; answers stand in the first, reports are short. */
const bodyLines = 400
/** How long the end of the box waits for a deed that is under way. */
const farewellMs = 2000
const longestSilenceMs = 7 * 24 * 3_600_000
/** A summary tells thousands; silences are few, and those of others must not be pushed out. */
const silencedAtOnce = 16

export class Answers {
  readonly #options: AnswersOptions
  #cancel: Cancel = () => {}
  #working: Promise<void> = Promise.resolve()
  #box: Pop3Client | undefined
  #stopped = false
  #isLarge = false

  constructor(options: AnswersOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#stopped) return
    this.#working = this.#round().finally(() => {
      if (!this.#stopped) this.#cancel = this.#options.clock.after(this.#options.everyMs, () => this.start())
    })
  }

  /** Hangs up on a server that takes its time: the next life of the box looks again. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    this.#box?.hangUp()
    const enough = new AbortController()
    await Promise.race([this.#working.finally(() => enough.abort()), sleep(this.#options.clock, farewellMs, enough.signal)])
  }

  /** Looks once. Never rejects. */
  async #round(): Promise<void> {
    const { log, isLinkUp, account } = this.#options
    if (!isLinkUp()) return
    try {
      this.#box = await Pop3Client.open(this.#options, account)
      await this.#lookAt(this.#box)
    } catch (error) {
      if (!this.#stopped) log('warning', 'answers: the mailbox could not be looked at', { host: account.host, why: sentence(error) })
    } finally {
      await this.#box?.quit()
      this.#box = undefined
    }
  }

  async #lookAt(box: Pop3Client): Promise<void> {
    const { seen } = this.#options
    const { newest, total } = await box.uids(newestLimit)
    this.#noteSize(total)
    seen.listed(newest.map(({ uid }) => uid))
    const fresh = newest.filter(({ uid }) => !seen.hasLooked(uid)).slice(-messagesLimit)
    if (fresh.length === 0) return
    try {
      for (const { number, uid } of fresh) {
        if (this.#stopped) return
        try {
          await this.#look(box, number)
        } catch (error) {
          // It would be too long every time, and whatever lies behind it would wait for ever.
          if (error instanceof Pop3TooLong) seen.looked(uid)
          throw error
        }
        seen.looked(uid)
      }
    } finally {
      await seen.save()
    }
  }

  /** Once, until somebody has tidied there. */
  #noteSize(mails: number): void {
    const { log, account } = this.#options
    const isLarge = mails > newestLimit
    if (isLarge && !this.#isLarge)
      log(
        'warning',
        'answers: the remote mailbox is large; archive or delete old mail there, since each look costs the link its whole list',
        {
          ...{ host: account.host, mails, looked: newestLimit },
        },
      )
    this.#isLarge = isLarge
  }

  async #look(box: Pop3Client, number: number): Promise<void> {
    const { log } = this.#options
    const { head } = splitMail(await box.top(number, 0))
    if (mayBeReport(head)) return this.#report(await box.top(number, bodyLines))
    if (codeIn(head) === undefined) return
    if (isAutomatic(head)) return log('info', 'answers: an automatic answer is passed over', { from: senderOf(head) })
    const answer = answerIn(await box.top(number, bodyLines))
    if (answer) await this.#obey(answer)
    else log('info', 'answers: an answer says nothing that is known here', { from: senderOf(head) })
  }

  async #report(mail: string): Promise<void> {
    const { deviceId, log, bounced } = this.#options
    const report = reportIn(mail)
    const own = new RegExp(`^o(\\d{1,15})\\.${deviceId}(?:@|$)`)
    // A mail that was passed on has a Message-ID of its own; our Received line names it.
    const passed = new RegExp(`\\bid\\s+o(\\d{1,15})\\.${deviceId};`)
    const id = report?.messageIds.flatMap((messageId) => own.exec(messageId)?.[1] ?? [])[0] ?? passed.exec(mail)?.[1]
    if (!report || id === undefined || report.action !== 'failed') return
    const recipient = report.recipient ?? 'somebody'
    log('warning', 'letter: refused further on', { id: Number(id), to: recipient, why: report.why })
    // Then the report is looked at again in the next round.
    if (!(await bounced(Number(id), recipient, report.why))) throw new Error(`The notice about letter ${id} could not be written.`)
  }

  async #obey({ from, messageId, code, wish }: Answer): Promise<void> {
    const { key, people, seen, log } = this.#options
    const person = people.find((one) => one.address.toLowerCase() === from)
    const letter = letterOf(key, code)
    if (!person || letter === undefined)
      return log('warning', 'answers: refused, the code is not ours or its sender is nobody here', { from, code: code.slice(0, 40) })
    if (messageId === '' || seen.hasObeyed(messageId)) return log('info', 'answers: an answer came again and is passed over', { from })
    // First the note, then the deed: a deed that a power cut swallows can be asked for again, one that is done twice cannot be taken back.
    seen.obeyed(messageId)
    await seen.save()
    if (wish.kind === 'status') await this.#options.tellState(person.id)
    else if (wish.kind === 'acknowledge') await this.#acknowledge(letter, person)
    else await this.#silence(letter, Math.min(longestSilenceMs, durationMs(wish.span)), person)
  }

  /** All at once, so that they share a sync. */
  async #acknowledge(letter: number, person: Person): Promise<void> {
    const { situationsOf, acknowledge } = this.#options
    const done = await Promise.all(situationsOf(letter).map(({ id }) => acknowledge(id, person.name ?? person.id)))
    if (!done.includes(true)) await this.#tellOver(letter, person)
  }

  async #silence(letter: number, ms: number, person: Person): Promise<void> {
    const { situationsOf, silence, tellLimits } = this.#options
    const raised = situationsOf(letter)
    if (raised.length === 0) return this.#tellOver(letter, person)
    const worst = [...raised].sort((a, b) => rank(a.severity) - rank(b.severity) || a.id - b.id).slice(0, silencedAtOnce)
    await Promise.all(worst.map((one) => silence(one, ms, person.name ?? person.id)))
    if (worst.length < raised.length) await tellLimits(person.id, letter, { raised: raised.length, silenced: worst.length })
  }

  async #tellOver(letter: number, person: Person): Promise<void> {
    this.#options.log('info', 'answers: what an answer is about is over', { from: person.address, letter })
    await this.#options.tellLimits(person.id, letter, { raised: 0, silenced: 0 })
  }
}
