import { SimNet } from '../../sim/world/net.ts'
import { SimRandom } from '../../sim/world/random.ts'
import { SimRelay } from '../../sim/world/relay.ts'
import { Timeline } from '../../sim/world/timeline.ts'
import type { ServerEnd, SimCertificate } from '../../sim/world/wire.ts'
import type { NetWorld, PeerWire, Showing } from '../net-world.ts'
import { lively } from './lively.ts'

/** The simulated ways out for the Net contract. */
const ca = 'Test CA'

export async function simNetWorld(): Promise<NetWorld> {
  const timeline = new Timeline()
  const { pass, done } = lively(timeline)
  const net = new SimNet(timeline, new SimRelay(timeline, new SimRandom(1)))
  let port = 1000
  const place = (peer: Parameters<SimNet['place']>[2]) => {
    port++
    net.place('127.0.0.1', port, peer)
    return { host: '127.0.0.1', port }
  }
  return {
    net,
    ca,
    name: 'localhost',
    peer: async (play, showing) =>
      place({ serve: (end) => play(played(end, net.wall())), ...(showing ? { certificate: certificate(showing, net.wall()) } : {}) }),
    refusing: async () => place('refuses'),
    silent: async () => place('silent'),
    path: () => '/data/socket',
    pass,
    done: async () => done(),
  }
}

function played(end: ServerEnd, now: number): PeerWire {
  let heard = ''
  let ended = false
  end.onData = (bytes) => {
    heard += Buffer.from(bytes).toString('latin1')
  }
  end.onEnd = () => {
    ended = true
  }
  return {
    heard: () => heard,
    say: (octets) => end.send(octets),
    hangUp: () => end.hangUp(),
    reset: () => end.reset(),
    secure: (showing) => end.secure(certificate(showing, now)),
    waiting: () => 0,
    ended: () => ended,
  }
}

function certificate(showing: Showing, now: number): SimCertificate {
  const yearMs = 365 * 86_400_000
  const good: SimCertificate = { subject: 'localhost', issuer: ca, names: ['localhost', '127.0.0.1'], from: now - yearMs, to: now + yearMs }
  switch (showing) {
    case 'good':
      return good
    case 'expired':
      return { ...good, from: now - 2 * yearMs, to: now - yearMs }
    case 'not yet valid':
      return { ...good, from: now + yearMs, to: now + 2 * yearMs }
    case 'for another name':
      return { ...good, names: ['relay.example.org'] }
    case 'self-signed':
      return { ...good, issuer: 'localhost' }
    case 'by a stranger':
      return { ...good, issuer: 'Stranger CA' }
  }
}
