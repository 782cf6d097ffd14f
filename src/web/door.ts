import { hash } from 'node:crypto'
import { isSameSecret } from '../alert/same.ts'
import type { Clock } from '../ports/clock.ts'
import { isDiskError } from '../ports/disk.ts'
import type { Random } from '../ports/random.ts'
import { Slowdown } from '../ports/slowdown.ts'
import type { Access, DeviceStore } from '../settings/device.ts'
import { Fault, tooEarly } from './fault.ts'
import { hashPassword, isPassword } from './password.ts'
import { type Session, Sessions } from './sessions.ts'

/**
 * Door: who may come in. A box has no password until somebody with its claim code sets one; then there are sessions for people and tokens for machines. Of both only
 * the SHA-256 is kept.
 */
export type { Session } from './sessions.ts'
export type Token = Access['tokens'][number]
export type Scope = Token['scope']

/** Least characters of a password. */
export const passwordChars = 12
export const tokensLimit = 16
/** 256 bits. */
const secretBytes = 32
/** Guesses that are being judged or wait for it; each takes 32 MiB for a moment, so they come one after the other. */
const judgingLimit = 4
/** Without letters and digits that are taken for one another. */
const codeAlphabet = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
const codeChars = 8

export class Door {
  readonly #random: Random
  readonly #device: DeviceStore
  readonly #slowdown: Slowdown
  readonly #sessions: Sessions
  readonly #leaving = new Set<(hash: string) => void>()
  #judging: Promise<unknown> = Promise.resolve()
  #waiting = 0

  private constructor(clock: Clock, random: Random, device: DeviceStore) {
    this.#random = random
    this.#device = device
    this.#slowdown = new Slowdown(clock, this.#access.failures)
    this.#sessions = new Sessions(clock, this.#access.sessions, {
      ended: (hash) => this.#tellLeft(hash),
      changed: () => void this.#keep().catch(() => {}),
    })
  }

  /** Makes the claim code when there is none; for this life only, where the disk takes nothing. */
  static async open(clock: Clock, random: Random, device: DeviceStore): Promise<Door> {
    if (!device.data.access?.claim) await device.accessForNow((access) => ({ ...access, claim: codeOf(random) }))
    return new Door(clock, random, device)
  }

  get claimed(): boolean {
    return this.#access.password !== undefined
  }

  /** `XXXX-XXXX`. */
  get claimCode(): string {
    return this.#access.claim
  }

  get #access(): Access {
    return this.#device.data.access ?? { claim: '', sessions: [], tokens: [], failures: 0 }
  }

  /** The first password, from whoever knows the claim code. Throws Fault. */
  async claim(code: string, password: string, address: string): Promise<string> {
    await this.#judge(address, async () => {
      if (this.claimed) throw new Fault(409, 'This box has been set up already.', 'Log in with its password.')
      const right = isSameSecret(plainCode(code), plainCode(this.claimCode))
      // Before the next guess is judged: of two who know the code, the second comes too late.
      if (right) await this.#setPassword(password)
      return right
    })
    return this.#enter(address)
  }

  /** Resolves with the id of a new session. Throws Fault. */
  async login(password: string, address: string): Promise<string> {
    if (!this.claimed) throw new Fault(403, 'This box has no password yet.', 'Claim it first, with the code on its label or console.')
    await this.#judge(address, () => this.#isRight(password))
    return this.#enter(address)
  }

  /** Ends every other session. Throws Fault. Rejects with DiskError; then nothing has changed. */
  async changePassword(before: string, password: string, session: Session, address: string): Promise<void> {
    await this.#judge(address, () => this.#isRight(before))
    await this.#setPassword(password, ({ hash }) => hash === session.hash)
    this.#sessions.end(({ hash }) => hash !== session.hash)
  }

  /** Of the password as it is when its turn has come, and still is when it was judged: one that is changed meanwhile opens nothing. */
  async #isRight(password: string): Promise<boolean> {
    const known = this.#access.password
    return known !== undefined && (await isPassword(password, known)) && known === this.#access.password
  }

  /** The session of a cookie; undefined when there is none, or nobody used it for half an hour. `used`: by a person, just now; otherwise looking does not prolong it. */
  session(id: string, used = true): Session | undefined {
    const found = this.#sessions.find(digest(id))
    if (found && used) this.#sessions.use(found)
    return found
  }

  /** Whether the session or the token of this hash still opens the door; looking does not prolong it. */
  lasts(hash: string): boolean {
    return this.#sessions.find(hash) !== undefined || this.tokens.some((one) => isSameSecret(one.hash, hash))
  }

  get sessions(): readonly Session[] {
    return this.#sessions.all
  }

  /** Ends the sessions for which `which` holds, at once. Rejects with DiskError when the disk could not be told: a restart would let them live again, until nobody has used them for half an hour. */
  async leave(which: (session: Session) => boolean): Promise<void> {
    this.#sessions.end(which)
    await this.#keep()
  }

  /** Tells the hash of each session that ended and of each token that was taken away, until the returned function is called. */
  onLeave(tell: (hash: string) => void): () => void {
    this.#leaving.add(tell)
    return () => void this.#leaving.delete(tell)
  }

  token(value: string): Token | undefined {
    const found = digest(value)
    return this.#access.tokens.find((one) => isSameSecret(one.hash, found))
  }

  get tokens(): readonly Token[] {
    return this.#access.tokens
  }

  /** Resolves with the token itself, which is never told again. Throws Fault. */
  async addToken(name: string, scope: Scope): Promise<{ id: string; token: string }> {
    if (this.tokens.length >= tokensLimit) throw new Fault(409, `There are ${tokensLimit} tokens already.`, 'Remove one that is not used.')
    const token = this.#secret()
    const id = digest(token).slice(0, 8)
    await this.#device.access((access) => ({ ...access, tokens: [...access.tokens, { id, name, scope, hash: digest(token) }] }))
    return { id, token }
  }

  /** False: there is no such token. */
  async removeToken(id: string): Promise<boolean> {
    const gone = this.tokens.filter((one) => one.id === id)
    if (gone.length === 0) return false
    await this.#device.access((access) => ({ ...access, tokens: access.tokens.filter((one) => one.id !== id) }))
    for (const one of gone) this.#tellLeft(one.hash)
    return true
  }

  /** One guess after the other, each after its wait. Throws Fault when it is too early or wrong. */
  async #judge(address: string, right: () => Promise<boolean>): Promise<void> {
    this.#wait(address)
    if (this.#waiting >= judgingLimit) throw tooEarly(1000)
    this.#waiting++
    const judged = this.#judging
      .then(async () => {
        this.#wait(address)
        if (await right()) return this.#slowdown.passed(address)
        this.#slowdown.failed(address)
        // A disk that takes nothing must not let a guess count for less: the delay stands in memory, only a restart would forget it.
        await this.#keep().catch(() => {})
        throw new Fault(401, 'That was not right.', 'Try again. Each wrong try makes the next one wait a little longer.')
      })
      .finally(() => this.#waiting--)
    this.#judging = judged.catch(() => {})
    await judged
  }

  #wait(address: string): void {
    const ms = this.#slowdown.waitMs(address)
    if (ms > 0) throw tooEarly(ms)
  }

  /** `stays`: which sessions outlive it. */
  async #setPassword(password: string, stays: (session: Session) => boolean = () => true): Promise<void> {
    const made = await hashPassword(password, this.#random.bytes(16))
    await this.#device.access((access) => ({ ...access, password: made, failures: 0, sessions: this.#sessions.kept.filter(stays) }))
  }

  async #enter(address: string): Promise<string> {
    const id = this.#secret()
    this.#sessions.begin(digest(id), address)
    // Whoever comes to see what is wrong with the disk must come in; only a restart would forget the session.
    await this.#keep().catch((error: unknown) => {
      if (!isDiskError(error)) throw error
    })
    return id
  }

  async #keep(): Promise<void> {
    await this.#device.access((access) => ({ ...access, failures: this.#slowdown.failures, sessions: this.#sessions.kept }))
  }

  #tellLeft(hash: string): void {
    for (const tell of this.#leaving) tell(hash)
  }

  #secret(): string {
    return Buffer.from(this.#random.bytes(secretBytes)).toString('base64url')
  }
}

const digest = (text: string): string => hash('sha256', text)

const plainCode = (code: string): string => code.toUpperCase().replace(/[^0-9A-Z]/g, '')

function codeOf(random: Random): string {
  const letters: string[] = []
  // Octets above the largest multiple would make some letters likelier.
  const fair = 256 - (256 % codeAlphabet.length)
  while (letters.length < codeChars)
    for (const octet of random.bytes(codeChars)) {
      const letter = codeAlphabet[octet % codeAlphabet.length]
      if (octet < fair && letter !== undefined && letters.length < codeChars) letters.push(letter)
    }
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`
}
