import { isIP } from 'node:net'
import {
  type Listener,
  type Net,
  NetError,
  type Target,
  type WebRequest,
  type WebResponse,
  type Wire,
  webAddress,
} from '../../../src/ports/net.ts'
import type { Timeline } from './timeline.ts'
import { type ServerEnd, type SimCertificate, SimWire } from './wire.ts'

/** Somebody to connect to. With a certificate: TLS from the first octet. */
export type Peer = { serve(end: ServerEnd): void; certificate?: SimCertificate }

type Path = { onWire: (wire: Wire) => void; wires: Set<Wire> }

/** How long a resolver asks around before it gives up. */
const lookUpMs = 1000
/** What a listener that is closed leaves its callers. */
const farewellMs = 1000
const epoch = Date.UTC(2026, 11, 1)

/**
 * The ways out of the device: names, a link that comes and goes, a latency, and sockets with a path. Whoever has no place of his own is
 * the relay; nobody lives under `.invalid` (RFC 6761).
 */
export class SimNet implements Net {
  up = true
  latencyMs = 50
  dead = false
  /** What the device takes for the time, in ms since 1970: certificates are judged by it. */
  wall: () => number
  /** Authorities that are trusted without being named under `ca`, which holds the name of one more here. */
  readonly trusted = new Set<string>()
  /** Web servers by the origin of their address. */
  readonly webs = new Map<string, (request: WebRequest) => WebResponse>()
  /** When somebody tried to connect. */
  readonly tries: number[] = []
  readonly #timeline: Timeline
  readonly #relay: Peer
  readonly #places = new Map<string, Peer | 'refuses' | 'silent'>()
  readonly #paths = new Map<string, Path>()
  readonly #wires = new Set<SimWire>()

  constructor(timeline: Timeline, relay: Peer) {
    this.#timeline = timeline
    this.#relay = relay
    this.wall = () => epoch + timeline.now
  }

  /** Who answers at `host:port`. */
  place(host: string, port: number, peer: Peer | 'refuses' | 'silent'): void {
    this.#places.set(`${host}:${port}`, peer)
  }

  /** Every connection breaks. */
  cut(): void {
    for (const wire of this.#wires) wire.break()
    this.#wires.clear()
  }

  /** Nothing comes through any more, and nobody is told. */
  stall(): void {
    for (const wire of this.#wires) wire.stall()
    this.#wires.clear()
  }

  /** Resolves when what is under way has arrived. */
  drain(): Promise<void> {
    return this.#pass(this.latencyMs * 2)
  }

  async connect(target: Target): Promise<Wire> {
    this.tries.push(this.#timeline.now)
    const { host, port, tls, timeoutMs } = target
    await this.#lookUp(host, timeoutMs)
    const there = this.#places.get(`${host}:${port}`)
    if (there === 'silent') {
      await this.#pass(timeoutMs)
      throw new NetError('connect', 'ETIMEDOUT', `${host} port ${port} did not answer in ${timeoutMs} ms`)
    }
    await this.#pass(this.latencyMs * 2)
    if (there === 'refuses') throw new NetError('connect', 'ECONNREFUSED', `${host} port ${port} cannot be reached`)
    if (!this.up) throw new NetError('connect', 'ENETUNREACH', `${host} port ${port} cannot be reached`)
    const wire = this.#wire(`${host}:${port}`, this.latencyMs)
    // The relay speaks TLS with whoever begins so.
    const peer = there ?? (tls ? { serve: (end: ServerEnd) => this.#relay.serve(end), certificate: this.#anyName(host) } : this.#relay)
    if (!peer.certificate) peer.serve(wire.far)
    if (!tls) return wire
    if (peer.certificate) wire.far.secure(peer.certificate)
    await wire.startTls(tls, timeoutMs)
    if (peer.certificate) peer.serve(wire.far)
    return wire
  }

  /** TCP, TLS and the question: four turns of the line. */
  async request(request: WebRequest): Promise<WebResponse> {
    const { origin, hostname } = webAddress(request.url)
    await this.#pass(this.up ? this.latencyMs * 8 : lookUpMs)
    if (!this.up) throw new NetError('dns', 'EAI_AGAIN', `the name ${hostname} could not be looked up: EAI_AGAIN`)
    const response = this.webs.get(origin)?.(request)
    if (!response) throw new NetError('connect', 'ECONNREFUSED', `${origin} cannot be reached: ECONNREFUSED`)
    if (response.body.length > request.maxBytes)
      throw new NetError('stream', 'EFBIG', `${hostname} answered with more than ${request.maxBytes} octets`)
    return response
  }

  async connectPath(path: string): Promise<Wire> {
    const there = this.#paths.get(path)
    if (!there) throw new NetError('connect', 'ENOENT', `cannot reach ${path}: ENOENT`)
    const near = this.#wire(path, 0)
    const far = this.#wire(path, 0, () => there.wires.delete(far))
    near.join(far)
    there.wires.add(far)
    there.onWire(far)
    return near
  }

  async listenPath(path: string, onWire: (wire: Wire) => void): Promise<Listener> {
    const listening: Path = { onWire, wires: new Set() }
    this.#paths.set(path, listening)
    return {
      address: path,
      close: async () => {
        if (this.#paths.get(path) === listening) this.#paths.delete(path)
        for (let waited = 0; listening.wires.size > 0 && waited < farewellMs; waited += 10) await this.#pass(10)
        for (const wire of listening.wires) wire.close()
      },
    }
  }

  async resolve(host: string, timeoutMs = lookUpMs): Promise<string[]> {
    await this.#lookUp(host, timeoutMs)
    return [isIP(host) ? host : '192.0.2.1']
  }

  async #lookUp(host: string, timeoutMs: number): Promise<void> {
    if (isIP(host)) return
    if (!this.up) await this.#pass(Math.min(lookUpMs, timeoutMs))
    // The link may have come back meanwhile; the answer is the same.
    if (!this.up) throw new NetError('dns', 'EAI_AGAIN', `the name ${host} could not be looked up`)
    if (host.endsWith('.invalid')) throw new NetError('dns', 'ENOTFOUND', `the name ${host} could not be looked up`)
  }

  #wire(peer: string, latencyMs: number, onClose = () => {}): SimWire {
    const closed = () => {
      this.#wires.delete(wire)
      onClose()
    }
    const wire = new SimWire(this.#timeline, { peer, latencyMs, net: this, onClose: closed })
    this.#wires.add(wire)
    return wire
  }

  #anyName(host: string): SimCertificate {
    this.trusted.add('Sim CA')
    return { subject: host, issuer: 'Sim CA', names: [host], from: 0, to: Date.UTC(9999, 0) }
  }

  /** Never ends when the power goes. */
  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#timeline.at(ms, () => !this.dead && resolve()))
  }
}
