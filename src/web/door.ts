import { hash } from 'node:crypto'
import { isSameSecret } from '../alert/same.ts'
import type { Clock, Monotonic } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { Access, DeviceStore } from '../settings/device.ts'
import { Fault } from './fault.ts'
import { hashPassword, isPassword } from './password.ts'
import { Slowdown } from './slowdown.ts'

/**
 * Door: who may come in. A box has no password until somebody with its claim code sets one; then there are sessions for people and tokens for machines. Of both only
 * the SHA-256 is kept.
 */
export type Session = { hash: string; from: string; at: number }
export type Token = Access['tokens'][number]
export type Scope = Token['scope']

/** Least characters of a password. */
export const passwordChars = 12
const idleMs = 30 * 60_000
const sessionsLimit = 16
export const tokensLimit = 16
/** 256 bits. */
const secretBytes = 32
/** Guesses that are being judged or wait for it; each takes 32 MiB for a moment, so they come one after the other. */
const judgingLimit = 4
/** Without letters and digits that are taken for one another. */
const codeAlphabet = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
const codeChars = 8

export class Door {
  readonly #clock: Clock
  readonly #random: Random
  readonly #device: DeviceStore
  readonly #slowdown: Slowdown
  readonly #seen = new Map<string, Monotonic>()
  readonly #leaving = new Set<(hash: string) => void>()
  #judging: Promise<unknown> = Promise.resolve()
  #waiting = 0

  private constructor(clock: Clock, random: Random, device: DeviceStore) {
    this.#clock = clock
    this.#random = random
    this.#device = device
    this.#slowdown = new Slowdown(clock, device.data.access?.failures ?? 0)
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
    const known = this.#access.password
    if (!known) throw new Fault(403, 'This box has no password yet.', 'Claim it first, with the code on its label or console.')
    await this.#judge(address, () => isPassword(password, known))
    return this.#enter(address)
  }

  /** Ends every other session. Throws Fault. */
  async changePassword(before: string, password: string, session: Session, address: string): Promise<void> {
    const known = this.#access.password
    await this.#judge(address, async () => known !== undefined && (await isPassword(before, known)))
    await this.#setPassword(password)
    await this.leave((one) => one.hash !== session.hash)
  }

  /** The session of a cookie; undefined when there is none, or nobody used it for half an hour. `used`: by a person, just now; otherwise looking does not prolong it. */
  session(id: string, used = true): Session | undefined {
    const found = this.#find(id)
    if (found && used) this.#seen.set(found.hash, this.#clock.monotonic())
    return found
  }

  /** Whether a session still lasts; looking does not prolong it. */
  lasts(session: Session): boolean {
    return this.#isAlive(session) && this.#access.sessions.some((one) => one.hash === session.hash)
  }

  get sessions(): readonly Session[] {
    return this.#access.sessions.filter((one) => this.#isAlive(one))
  }

  /** Ends the sessions for which `which` holds. */
  async leave(which: (session: Session) => boolean): Promise<void> {
    const gone = this.#access.sessions.filter(which)
    await this.#device.access((access) => ({ ...access, sessions: access.sessions.filter((one) => !which(one)) }))
    for (const { hash: id } of gone) {
      this.#seen.delete(id)
      for (const tell of this.#leaving) tell(id)
    }
  }

  /** Tells of each session that was ended, until the returned function is called. */
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
    if (!this.tokens.some((one) => one.id === id)) return false
    await this.#device.access((access) => ({ ...access, tokens: access.tokens.filter((one) => one.id !== id) }))
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
        const { failures } = this.#slowdown
        // A disk that takes nothing must not let a guess count for less: the delay stands in memory, only a restart would forget it.
        await this.#device.access((access) => ({ ...access, failures })).catch(() => {})
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

  async #setPassword(password: string): Promise<void> {
    const made = await hashPassword(password, this.#random.bytes(16))
    await this.#device.access((access) => ({ ...access, password: made, failures: 0 }))
  }

  async #enter(address: string): Promise<string> {
    const id = this.#secret()
    const session: Session = { hash: digest(id), from: address, at: this.#clock.wall() }
    this.#seen.set(session.hash, this.#clock.monotonic())
    await this.#device.accessForNow((access) => ({ ...access, failures: 0, sessions: [...this.sessions, session].slice(-sessionsLimit) }))
    return id
  }

  #find(id: string): Session | undefined {
    const wanted = digest(id)
    const found = this.#access.sessions.find((one) => isSameSecret(one.hash, wanted))
    return found && this.#isAlive(found) ? found : undefined
  }

  /** Of an earlier life of the gateway: used when this life began. */
  #isAlive({ hash: id }: Session): boolean {
    const now = this.#clock.monotonic()
    const seen = this.#seen.get(id) ?? now
    if (!this.#seen.has(id)) this.#seen.set(id, now)
    return now - seen < idleMs
  }

  #secret(): string {
    return Buffer.from(this.#random.bytes(secretBytes)).toString('base64url')
  }
}

const digest = (text: string): string => hash('sha256', text)

const plainCode = (code: string): string => code.toUpperCase().replace(/[^0-9A-Z]/g, '')

function tooEarly(ms: number): Fault {
  const seconds = Math.max(1, Math.ceil(ms / 1000))
  return new Fault(429, `Wait ${seconds} s before the next try.`, 'Wrong tries make each next one wait longer; nobody is locked out.', {
    'Retry-After': String(seconds),
  })
}

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
