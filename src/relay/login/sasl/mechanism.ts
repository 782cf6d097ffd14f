/**
 * A SASL mechanism as SMTP speaks it (RFC 4954): a first line, then an answer to each challenge. It remembers what was said, and touches nothing else.
 */
export type Mechanism = {
  /** As the server offers it: PLAIN, SCRAM-SHA-256 … */
  name: string
  /** The AUTH command, with the initial response when there is one; without CRLF. */
  first: string
  /** The whole exchange is `first` and its reply, so other commands may leave together with it. */
  alone: boolean
  /** An access token is shown, not a password. */
  token: boolean
  /** The line that answers the text of a 334 reply, without CRLF. Throws `Unsound`. */
  answer(challenge: string): string
  /** Why success must not be believed, when the server still owes a proof of its own; a sentence. */
  doubt(): string | undefined
  /** What nobody may repeat: not the log, not a reply that is quoted. */
  secrets: readonly string[]
}

/** The server's challenge makes no sense in this mechanism, or is not from whom it claims; the message is a sentence. */
export class Unsound extends Error {
  override name = 'Unsound'
}

/**
 * RFC 5321 section 4.5.3.1.4, less CRLF. RFC 4954 section 4: AUTH is bound by it, and an initial response that would make it longer waits for an
 * empty challenge (Postfix refuses it otherwise). Tokens of some providers are that long.
 */
const lineLimit = 510

type Parts = {
  name: string
  /** The initial response, before base64. */
  initial?: string
  alone?: boolean
  token?: boolean
  /** Answers a challenge, decoded; called for those that come after the initial response was taken. */
  next?(challenge: Buffer, raw: string): string
  doubt?(): string | undefined
  secrets: readonly string[]
}

/** Puts a mechanism together: base64, the initial response at the right time, and no end of questions. */
export function mechanism({ name, initial, alone = false, token = false, next, doubt, secrets }: Parts): Mechanism {
  const response = initial === undefined ? undefined : base64(initial)
  const first = authLine(name, response)
  let started = response === undefined
  return {
    name,
    first,
    alone: alone && first.length > `AUTH ${name}`.length,
    token,
    answer(challenge) {
      // An empty challenge asks for the initial response: because we kept it back, or because the server knows none in the command.
      const asksForFirst = !started && challenge.trim() === ''
      started = true
      if (asksForFirst && response !== undefined) return response
      if (!next) throw new Unsound(`The server asked on, where ${name} has nothing more to say.`)
      return base64(next(Buffer.from(challenge, 'base64'), challenge))
    },
    doubt: doubt ?? (() => undefined),
    secrets: response === undefined ? secrets : [...secrets, response],
  }
}

/** The AUTH command, with the initial response if it may have one. */
export function authLine(name: string, response: string | undefined): string {
  const line = `AUTH ${name} ${response}`
  return response === undefined || line.length > lineLimit ? `AUTH ${name}` : line
}

export const base64 = (text: string | Uint8Array): string => Buffer.from(text as string).toString('base64')

/** RFC 4648 section 4, to the letter: Buffer forgives too much for a challenge that is signed. */
export const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
