import type { Clock } from '../../ports/clock.ts'
import { TimedOut, within } from '../../ports/clock.ts'
import { sentence } from '../../ports/log.ts'
import { NetError, type TlsOptions, type Wire } from '../../ports/net.ts'
import { Deadline } from '../deadline.ts'
import type { Answer, Ask, Asking } from '../dialogue/ask.ts'
import type { Login } from '../login/login.ts'
import { connectFault } from '../relay.ts'
import { ReplyReader } from '../reply.ts'

/**
 * Line: performs small dialogues on a wire one after the other, and keeps what was said, word for word, without the secrets.
 */
/** `hidden`: what must not be shown beside the login of this walk; a server may know it from others. */
export type LineOptions = { wire: Wire; clock: Clock; tls: TlsOptions; login: Login; waitMs: number; hidden?: readonly string[] }

/** Not said: it would have been two commands. */
export class LineBreak extends Error {
  override name = 'LineBreak'
}

export class Line {
  readonly #options: LineOptions
  readonly #mask: (text: string) => string
  #replies = new ReplyReader()
  #lines: string[] = []

  constructor(options: LineOptions) {
    this.#options = options
    this.#mask = maskFor(options.login, options.hidden)
  }

  /** The first line that was no reply. */
  get foreign(): string | undefined {
    return this.#replies.foreign
  }

  /** C: and S: lines since this was last asked. */
  takeTranscript(): string[] {
    const lines = this.#lines
    this.#lines = []
    return lines
  }

  mask(text: string): string {
    return this.#mask(text)
  }

  /** Throws Ended, or what is a fault of ours. */
  async perform<T>(talk: Asking<T>): Promise<T> {
    let step = talk.next()
    while (!step.done) step = talk.next(await this.#answer(step.value))
    return step.value
  }

  async #answer(ask: Ask): Promise<Answer> {
    if (ask.kind === 'say') return this.#say(ask.text, ask.secret === true)
    if (ask.kind === 'hear') return this.#hear(ask.timeoutMs)
    if (ask.kind === 'secure') return this.#secure()
    return { done: true }
  }

  async #say(text: string, secret: boolean): Promise<Answer> {
    const words = text.slice(0, -2)
    // Values that were never saved come this way: none may say a second command.
    if (/[\r\n\0]/.test(words)) throw new LineBreak(`A line break stands where none may be: ${JSON.stringify(this.#mask(words))}.`)
    this.#lines.push(
      `C: ${secret ? words.replace(/^(AUTH \S+)?.*$/, (_, verb?: string) => (verb ? `${verb} ‹secret›` : '‹secret›')) : words}`,
    )
    try {
      await within(this.#options.clock, this.#options.waitMs, 'Sending', this.#options.wire.write(Buffer.from(text)))
    } catch (error) {
      // Whatever broke is told by the next wait for an answer, which may still hold what the server said before it hung up.
      if (!(error instanceof NetError || error instanceof TimedOut)) throw error
    }
    return { done: true }
  }

  async #hear(timeoutMs: number): Promise<Answer> {
    const { wire, clock } = this.#options
    const deadline = new Deadline(clock, timeoutMs)
    try {
      for (;;) {
        const reply = this.#replies.next()
        if (typeof reply === 'string') {
          this.#lines.push(`S: ${this.#mask(this.#replies.foreign ?? '')}`)
          return { lost: reply, code: 'EFOREIGN' }
        }
        if (reply) {
          const lines = reply.text.split('\n')
          for (const [index, line] of lines.entries())
            this.#lines.push(`S: ${reply.code}${index < lines.length - 1 ? '-' : ' '}${this.#mask(line)}`.trimEnd())
          return { reply }
        }
        const bytes = await deadline.within('The answer of the server', wire.read())
        if (!bytes) return { lost: 'The server hung up.', code: 'ECLOSED' }
        this.#replies.push(bytes)
      }
    } catch (error) {
      if (error instanceof TimedOut) return { lost: `The server did not answer in ${Math.round(timeoutMs / 1000)} s.`, code: 'ETIMEDOUT' }
      return { lost: sentence(error), ...(error instanceof NetError ? { code: error.code } : {}) }
    }
  }

  async #secure(): Promise<Answer> {
    const { wire, clock, tls, waitMs } = this.#options
    if (this.#replies.hasMore)
      return {
        lost: 'Something came in clear that nobody had asked for: somebody may have put it there.',
        code: 'EPLAINTEXT',
        fault: { stage: 'starttls', code: 'EPLAINTEXT', why: '' },
      }
    try {
      await wire.startTls(tls, waitMs)
      return { done: true }
    } catch (error) {
      const fault = connectFault(error, clock)
      return { lost: fault.why, fault, ...(fault.code === undefined ? {} : { code: fault.code }) }
    }
  }
}

/** Servers have been seen to repeat what they were told, also in base64; and what they say is shown on terminals. */
function maskFor(login: Login, hidden: readonly string[] = []): (text: string) => string {
  const user = 'user' in login ? login.user : ''
  const secrets = Object.entries(login).flatMap(([name, value]) =>
    name === 'kind' || name === 'user' || typeof value !== 'string' || value === '' ? [] : [value],
  )
  secrets.push(...hidden.filter((one) => one !== ''))
  const forms = secrets.flatMap((one) => [`\0${user}\0${one}`, one].map((text) => Buffer.from(text).toString('base64'))).concat(secrets)
  return (text) => forms.reduce((masked, form) => masked.replaceAll(form, '‹secret›'), text).replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}
