import { simpleParser } from 'mailparser'
import { numbersIn } from '../../src/alert/ranges.ts'

/**
 * What the mails that arrived tell: numbers by box and source, and mails that were passed on. A number counts as told by the letter that bears it, by
 * one that names it beside its own, or by the list at the end of a digest.
 */
type Letter = { messageId: string; octets: string }

export class Told {
  /** `site source` -> number -> Message-IDs. */
  readonly #numbers = new Map<string, Map<number, Set<string>>>()
  readonly #letters = new Map<string, string>()
  readonly #passedOn = new Map<string, number>()
  /** Mails whose Message-ID came before with other octets. */
  readonly unlike: string[] = []
  mails = 0
  again = 0
  digests = 0

  /** One mail as it lies in the mailbox. `sites`: the domains of the boxes. */
  async take(whole: Buffer, sites: readonly string[]): Promise<void> {
    this.mails++
    const mail = await simpleParser(whole, { skipHtmlToText: true, skipTextToHtml: true })
    const messageId = mail.messageId ?? ''
    const site = sites.find((one) => messageId.endsWith(`@${one}>`))
    if (site === undefined) {
      this.#passedOn.set(messageId, (this.#passedOn.get(messageId) ?? 0) + 1)
      return
    }
    const text = whole.toString('latin1')
    // Those that left the box: relays put their own lines in front.
    if (this.#knows({ messageId, octets: text.slice(text.indexOf(`Received: by ${site}`)) })) return
    const source = String(mail.headers.get('x-outpost-source') ?? '')
    const number = Number(mail.headers.get('x-outpost-number'))
    const words = (mail.text ?? '').replace(/\s+/g, ' ')
    this.#tell(site, source, number, messageId)
    for (const also of numbersIn(/also told here: ([#\d\s-]+)/.exec(words)?.[1] ?? '')) this.#tell(site, source, also, messageId)
    const list = /Numbers told here: (.*)/.exec(words)?.[1]
    if (list === undefined) return
    this.digests++
    for (const [, of = '', ranges = ''] of list.matchAll(/([\w-]+) ((?:#\d+(?:-#\d+)? ?)+)/g))
      for (const one of numbersIn(ranges)) this.#tell(site, of, one, messageId)
  }

  /** How many numbers of a source were told. */
  count(site: string, source: string): number {
    return this.#numbers.get(`${site} ${source}`)?.size ?? 0
  }

  sources(site: string): string[] {
    return [...this.#numbers.keys()].filter((name) => name.startsWith(`${site} `)).map((name) => name.slice(site.length + 1))
  }

  /** Numbers from 1 to `last` that no letter told. */
  missing(site: string, source: string, last: number): number[] {
    const known = this.#numbers.get(`${site} ${source}`)
    return Array.from({ length: last }, (_, index) => index + 1).filter((number) => !known?.has(number))
  }

  /** The highest number that was told. */
  last(site: string, source: string): number {
    return Math.max(0, ...(this.#numbers.get(`${site} ${source}`)?.keys() ?? []))
  }

  /** `site source #number` of what more than one letter told. */
  get twice(): string[] {
    return [...this.#numbers].flatMap(([name, numbers]) =>
      [...numbers].filter(([, letters]) => letters.size > 1).map(([number, letters]) => `${name} #${number}: ${[...letters].join(' ')}`),
    )
  }

  passedOn(messageId: string): number {
    return this.#passedOn.get(messageId) ?? 0
  }

  #tell(site: string, source: string, number: number, messageId: string): void {
    const name = `${site} ${source}`
    const numbers = this.#numbers.get(name) ?? new Map<number, Set<string>>()
    this.#numbers.set(name, numbers)
    numbers.set(number, (numbers.get(number) ?? new Set()).add(messageId))
  }

  /** Whether this letter came before: then it must be the same octets. */
  #knows({ messageId, octets }: Letter): boolean {
    const before = this.#letters.get(messageId)
    this.#letters.set(messageId, octets)
    if (before === undefined) return false
    this.again++
    if (before !== octets) this.unlike.push(messageId)
    return true
  }
}
