import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Net, NetError, type NetStage, type TlsOptions, type Wire } from '../../src/ports/net.ts'

/** What a peer shows in its TLS handshake. All but the last two are signed by the authority `ca`. */
export type Showing = 'good' | 'expired' | 'not yet valid' | 'for another name' | 'self-signed' | 'by a stranger'

/** The other end of one connection, as the story plays it. */
export type PeerWire = {
  /** Everything that came, in clear or decrypted. */
  heard(): string
  say(octets: string | Uint8Array): void
  hangUp(): void
  reset(): void
  /** From now on the octets are a TLS handshake and what follows it. */
  secure(showing: Showing): void
  /** Octets that were said and that nobody has taken yet. */
  waiting(): number
  /** Whether the gateway hung up. */
  ended(): boolean
}

export type Address = { host: string; port: number }

export type NetWorld = {
  net: Net
  /** The authority, as settings name it. */
  ca: string
  /** The name that good certificates bear. */
  name: string
  /** Listens, and plays every connection; with `showing`, TLS from the first octet. */
  peer(play: (wire: PeerWire) => void, showing?: Showing): Promise<Address>
  /** Nobody listens there. */
  refusing(): Promise<Address>
  /** Takes no connection and refuses none. */
  silent(): Promise<Address>
  /** A name for a socket in the file system. */
  path(): string
  pass(ms: number): Promise<void>
  done(): Promise<void>
}

export type NetAbilities = {
  /** Whether who sends is slowed down when nobody reads. */
  slowsDown: boolean
  /** Whether a TLS session is taken up again. */
  resumes: boolean
}

export const timeoutMs = 5000
export const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1'))
export const octets = (words: string) => Buffer.from(words, 'latin1')
export const netError = (stage: NetStage, ...codes: string[]) => {
  return (error: unknown) => {
    assert.ok(error instanceof NetError, `not a NetError: ${error}`)
    assert.equal(error.stage, stage, error.message)
    if (codes.length > 0) assert.ok(codes.includes(error.code), `code ${error.code}`)
    assert.ok(error.message.length > 10, 'it is told in words')
    return true
  }
}

/** As many octets as wanted, from as many reads as it takes. */
export async function readText(wire: Wire, wanted: number): Promise<string> {
  let got = ''
  while (got.length < wanted) {
    const piece = text(await wire.read())
    assert.notEqual(piece, undefined, `the peer hung up after ${got.length} octets of ${wanted}`)
    got += piece
  }
  return got
}

type Until = (what: string, so: () => boolean) => Promise<void>
/** Tells a story as a test, in a world of its own. */
export type On = (what: string, story: (world: NetWorld, until: Until) => Promise<void>) => void

export const storiesOf =
  (name: string, make: () => Promise<NetWorld>): On =>
  (what, story) =>
    void test(`${name}: ${what}`, { timeout: 30_000 }, async () => {
      const world = await make()
      const until = async (awaited: string, so: () => boolean) => {
        for (let i = 0; i < 400 && !so(); i++) await world.pass(10)
        assert.ok(so(), awaited)
      }
      try {
        await story(world, until)
      } finally {
        await world.done()
      }
    })

/** A connection with both its ends in hand. */
export async function meet(world: NetWorld, showing?: Showing, tls?: TlsOptions): Promise<[Wire, PeerWire, Address]> {
  const met = Promise.withResolvers<PeerWire>()
  const at = await world.peer(met.resolve, showing)
  const wire = await world.net.connect({ ...at, timeoutMs, ...(tls ? { tls } : {}) })
  return [wire, await met.promise, at]
}
