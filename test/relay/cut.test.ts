import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Letter } from '../../src/mail/letter.ts'
import type { Net, Wire } from '../../src/ports/net.ts'
import { fly } from '../../src/relay/flight.ts'
import type { Outcome } from '../../src/relay/outcome.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimNet } from '../sim/world/net.ts'
import { SimRandom } from '../sim/world/random.ts'
import { kind, type RelayFaults, SimRelay } from '../sim/world/relay.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** The line is cut at every octet of a flight of ten letters, on the way there and on the way back. */
const letters: Letter[] = Array.from({ length: 10 }, (_, index) => ({
  id: index + 1,
  messageId: `<o${index + 1}@x>`,
  from: 'ps7@example.org',
  to: index % 3 === 0 ? ['a@example.org', 'b@example.org'] : ['a@example.org'],
  content: Buffer.from(`Message-ID: <o${index + 1}@x>\r\n\r\nhi\r\n`),
}))

/** A net whose wires break after so many octets up or down; undefined for those that hold. */
const breaking = (net: SimNet, limit: { up?: number; down?: number }, counted: { up: number; down: number }): Net => ({
  connect: async (target) => {
    const wire = await net.connect(target)
    const gone = () => net.cut()
    return {
      peer: wire.peer,
      tls: undefined,
      startTls: (options, timeoutMs) => wire.startTls(options, timeoutMs),
      close: () => wire.close(),
      async read() {
        const bytes = await wire.read()
        if (!bytes) return bytes
        const left = (limit.down ?? Number.POSITIVE_INFINITY) - counted.down
        counted.down += bytes.length
        if (bytes.length <= left) return bytes
        gone()
        return left > 0 ? bytes.subarray(0, left) : wire.read()
      },
      async write(bytes) {
        const left = (limit.up ?? Number.POSITIVE_INFINITY) - counted.up
        counted.up += bytes.length
        if (bytes.length <= left) return wire.write(bytes)
        if (left > 0) await wire.write(bytes.subarray(0, left))
        // What was written before the cut still arrives.
        await net.drain()
        gone()
      },
    } satisfies Wire
  },
  connectPath: (path) => net.connectPath(path),
  listenPath: (path, onWire) => net.listenPath(path, onWire),
  resolve: (host) => net.resolve(host),
  request: (request) => net.request(request),
})

async function flight(faults: Partial<RelayFaults>, limit: { up?: number; down?: number }) {
  const timeline = new Timeline()
  const relay = new SimRelay(timeline, new SimRandom(1))
  relay.faults = { ...kind, ...faults }
  const net = new SimNet(timeline, relay)
  const clock = new SimClock(timeline, 'boot')
  const counted = { up: 0, down: 0 }
  const outcomes = new Map<string, Outcome['kind']>()
  const waiting = [...letters]
  let done = false
  const known = { chunking: true, pipelining: true, together: false }
  void fly(
    breaking(net, limit, counted),
    clock,
    new SimRandom(2),
    { id: 'r', host: 'relay', port: 25, security: 'none', auth: { kind: 'none' }, ehlo: 'x' },
    {
      next: async () => waiting.shift(),
      settle: (id, to, outcome) => outcomes.set(`${id} ${to}`, outcome.kind),
      known,
    },
  ).then(() => {
    done = true
  })
  await timeline.run(3_600_000, () => done)
  assert.ok(done, 'the flight ended')
  const taken = new Set(relay.taken.flatMap((one) => one.to.map((to) => `${/\d+/.exec(one.messageId)?.[0]} ${to}`)))
  return { outcomes, taken, counted, violations: relay.violations }
}

const everybody = letters.flatMap((letter) => letter.to.map((to) => `${letter.id} ${to}`))

for (const [name, faults] of [
  ['a chain', {}],
  ['groups', { chunking: false }],
  ['steps', { pipelining: false }],
] as const) {
  test(`${name}, cut at every octet: delivered only if the server has it, as it was only if it does not, else uncertain`, async (t) => {
    const whole = await flight(faults, {})
    assert.equal(whole.taken.size, everybody.length)
    let twins = 0
    let open = 0
    for (const way of ['up', 'down'] as const) {
      for (let at = 0; at < whole.counted[way]; at++) {
        const { outcomes, taken, violations } = await flight(faults, { [way]: at })
        assert.deepEqual(violations, [])
        for (const who of everybody) {
          const outcome = outcomes.get(who)
          const where = `${who}, cut ${way} at ${at}: ${outcome ?? 'as it was'}`
          if (outcome === 'delivered') assert.ok(taken.has(who), `${where}, but the server has it not`)
          else if (taken.has(who)) assert.equal(outcome, 'uncertain', `${where}, but the server has it`)
          if (outcome === 'uncertain') open++
          if (outcome === 'uncertain' && taken.has(who)) twins++
          assert.ok(outcome === undefined || outcome === 'delivered' || outcome === 'uncertain', where)
        }
      }
    }
    t.diagnostic(`${whole.counted.up + whole.counted.down} cuts, ${open} times uncertain, ${twins} of them twins`)
    assert.ok(twins > 0, 'some cut fell between the letter and its confirmation')
  })
}
