import type { Reply } from './outcome.ts'

/**
 * Replies of an SMTP server (RFC 5321 section 4.2), out of octets as they come. Bounded: a server that never ends its line or its reply is a
 * fault, not a leak.
 */
/** RFC 4954 section 4 lets a challenge be so long; Exchange Online explains a refused sender in a line of more than 2000 octets. */
const lineLimit = 12_288
/** What of a line that was no reply is kept. */
const foreignLimit = 2000
const linesLimit = 100

export class ReplyReader {
  #rest = ''
  #lines: string[] = []
  #foreign: string | undefined

  /** The first line that was no reply, when there was one. */
  get foreign(): string | undefined {
    return this.#foreign
  }

  /** Whether octets are left that belong to no reply given so far. */
  get hasMore(): boolean {
    return this.#rest.length > 0 || this.#lines.length > 0
  }

  push(bytes: Uint8Array): void {
    this.#rest += Buffer.from(bytes).toString('latin1')
  }

  /** The next whole reply; undefined when more octets are needed; a sentence when this is no SMTP. */
  next(): Reply | string | undefined {
    for (;;) {
      const end = this.#rest.indexOf('\n')
      if (end < 0) return this.#rest.length > lineLimit ? 'The server sent a line without an end.' : undefined
      const line = this.#rest.slice(0, end).replace(/\r$/, '')
      this.#rest = this.#rest.slice(end + 1)
      // RFC 5321 section 4.2: a client goes by the code. Some old appliances put no blank behind it.
      const found = /^([2-5]\d\d)(?!\d)([ -]?)/.exec(line)
      if (!found || line.length > lineLimit) {
        this.#foreign ??= line.slice(0, foreignLimit)
        return `The server said something that is not SMTP: ${JSON.stringify(line.slice(0, 80))}`
      }
      this.#lines.push(line)
      if (found[2] === '-') {
        if (this.#lines.length > linesLimit) return `The server sent a reply of more than ${linesLimit} lines.`
        continue
      }
      const lines = this.#lines
      this.#lines = []
      return replyOf(Number(found[1]), lines)
    }
  }
}

function replyOf(code: number, lines: string[]): Reply {
  const texts = lines.map((line) => line.replace(/^\d{3}[ -]?/, '').replace(/[\u0000-\u001f\u007f]/g, ' '))
  // RFC 2034: an enhanced code stands in front of the text, and its class is that of the reply.
  const enhanced = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(texts.at(-1) ?? '')?.[1]
  const text = texts.join('\n')
  return enhanced !== undefined && enhanced[0] === String(code)[0] ? { code, text, enhanced } : { code, text }
}

/** 2 done, 3 go on, 4 not now, 5 never (RFC 5321 section 4.2.1). */
export const kindOf = (reply: Reply): number => Math.floor(reply.code / 100)

/** `550 5.1.1 no such user`, on one line. */
export const quoted = (reply: Reply): string => `${reply.code} ${reply.text.replaceAll('\n', ' / ')}`.slice(0, 400)
