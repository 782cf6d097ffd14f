import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Letter } from '../../src/mail/letter.ts'
import type { Net, Wire } from '../../src/ports/net.ts'
import { fly } from '../../src/relay/flight.ts'
import type { FlightReport, Outcome } from '../../src/relay/outcome.ts'
import { probe, type Step } from '../../src/relay/probe/probe.ts'
import type { RelayOptions } from '../../src/relay/relay.ts'
import { SimClock } from '../sim/world/clock.ts'
import { type Peer, SimNet } from '../sim/world/net.ts'
import { SimRandom } from '../sim/world/random.ts'
import { Timeline } from '../sim/world/timeline.ts'
import type { ServerEnd } from '../sim/world/wire.ts'

/** Each reply has its time as a whole (RFC 5321 section 4.5.3.2), which begins when all of what we said has left. */
const second = 1000
const relay: RelayOptions = { id: 'isp', host: 'relay', port: 25, security: 'none', auth: { kind: 'none' }, ehlo: 'ps7.example.org' }
const letter: Letter = {
  id: 1,
  to: ['ops@example.org'],
  messageId: '<o1@x>',
  from: 'ps7@example.org',
  content: Buffer.from(`Subject: x\r\n\r\n${'pump '.repeat(40_000)}\r\n`),
}

/** A reply in `parts`, one every `everyMs`. */
const drip = (timeline: Timeline, end: ServerEnd, parts: Iterable<string>, everyMs: number): void => {
  const rest = parts[Symbol.iterator]()
  const say = () => {
    const { done, value } = rest.next()
    if (done) return
    end.send(value)
    timeline.at(everyMs, say)
  }
  say()
}

/** What it says to each command, by its verb; '' says nothing. */
const server = (answers: Record<string, (end: ServerEnd) => void>): Peer => ({
  serve: (end) => {
    answers['']?.(end)
    let inContent = false
    end.onData = (bytes) => {
      const text = Buffer.from(bytes).toString()
      if (inContent) {
        if (!text.endsWith('\r\n.\r\n')) return
        inContent = false
        const taken = answers['.'] ?? ((of: ServerEnd) => of.send('250 ok\r\n'))
        taken(end)
        return
      }
      for (const line of text.split('\r\n').filter(Boolean)) {
        const verb = line.split(' ')[0] ?? ''
        inContent = verb === 'DATA'
        if (answers[verb]) answers[verb](end)
        else end.send(verb === 'DATA' ? '354 go\r\n' : verb === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n')
      }
    }
  },
})
const greets = (end: ServerEnd): void => end.send('220 relay\r\n')

/** How a flight of one letter went, and how long it took; `slow`: what makes the wire a slow one. */
async function flight(peer: (timeline: Timeline) => Peer, slow: (timeline: Timeline, net: Net) => Net = (_, net) => net) {
  const timeline = new Timeline()
  const net = new SimNet(timeline, peer(timeline))
  const waiting = [letter]
  const outcomes: Outcome['kind'][] = []
  let report: FlightReport | undefined
  void fly(slow(timeline, net), new SimClock(timeline, 'boot'), new SimRandom(1), relay, {
    next: async () => waiting.shift(),
    settle: (_, __, { kind }) => void outcomes.push(kind),
  }).then((over) => {
    report = over
  })
  await timeline.run(86_400_000, () => report !== undefined)
  assert.ok(report, 'the flight ends within a day')
  return { fault: report.fault, outcomes, tookMs: timeline.now }
}

test('a server that gives one octet of its greeting now and then is given up when the time for a greeting is over', async () => {
  const { fault, tookMs } = await flight((timeline) => server({ '': (end) => drip(timeline, end, '220 wait'.repeat(50), 290 * second) }))
  assert.deepEqual([fault?.stage, fault?.code], ['greeting', 'ETIMEDOUT'])
  assert.ok(tookMs >= 300 * second && tookMs < 310 * second, `${tookMs} ms`)
})

test('one that never comes to the last line of a reply is given up, too', async () => {
  function* lines() {
    for (;;) yield '250-wait\r\n'
  }
  const { fault, tookMs } = await flight((timeline) => server({ '': greets, EHLO: (end) => drip(timeline, end, lines(), 60 * second) }))
  assert.deepEqual([fault?.stage, fault?.code], ['ehlo', 'ETIMEDOUT'])
  assert.ok(tookMs < 310 * second, `${tookMs} ms`)
})

test('a reply of several lines over a slow link passes, and so does the next one', async () => {
  const reply = ['250-relay\r\n', '250-SIZE ', '1000000\r\n', '250-8BIT', 'MIME\r\n', '250 HELP\r\n']
  const { fault, outcomes } = await flight((timeline) =>
    server({
      '': (end) => drip(timeline, end, ['22', '0 re', 'lay\r\n'], 100 * second),
      EHLO: (end) => drip(timeline, end, reply, 50 * second),
      MAIL: (end) => drip(timeline, end, ['250 ', 'ok\r\n'], 290 * second),
    }),
  )
  assert.deepEqual([fault, outcomes], [undefined, ['delivered']])
})

/** A net whose wires take so long for each piece. */
const sluggish =
  (pieceMs: number) =>
  (timeline: Timeline, net: Net): Net => ({
    connect: async (target) => {
      const wire = await net.connect(target)
      return {
        peer: wire.peer,
        tls: undefined,
        startTls: (options, timeoutMs) => wire.startTls(options, timeoutMs),
        close: () => wire.close(),
        read: () => wire.read(),
        write: async (bytes) => {
          if (bytes.length > 1000) await new Promise<void>((resolve) => timeline.at(pieceMs, resolve))
          await wire.write(bytes)
        },
      } satisfies Wire
    },
    connectPath: (path) => net.connectPath(path),
    listenPath: (path, onWire) => net.listenPath(path, onWire),
    resolve: (host, timeoutMs) => net.resolve(host, timeoutMs),
    request: (request) => net.request(request),
  })

test('the time for an answer begins when all of a long letter has left, and not with what the server says meanwhile', async () => {
  const { fault, outcomes, tookMs } = await flight(
    (timeline) =>
      server({
        '': greets,
        DATA: (end) => drip(timeline, end, ['354 go\r\n', '25'], 100 * second),
        '.': (end) => timeline.at(590 * second, () => end.send('0 ok\r\n')),
      }),
    sluggish(170 * second),
  )
  assert.deepEqual([fault, outcomes], [undefined, ['delivered']])
  assert.ok(tookMs > (4 * 170 + 590) * second, `${tookMs} ms`)
})

test('whoever looks at such a relay is told so in the time for one reply', async () => {
  const timeline = new Timeline()
  const peer = server({ '': (end) => drip(timeline, end, '220 wait'.repeat(50), 9 * second) })
  const ports = { net: new SimNet(timeline, peer), clock: new SimClock(timeline, 'boot'), random: new SimRandom(1) }
  const steps: Step[] = []
  let over = false
  const walk = async () => {
    for await (const step of probe(ports, { ...relay, timeoutMs: 10 * second }, { mailFrom: 'ps7@example.org' })) steps.push(step)
    over = true
  }
  void walk()
  await timeline.run(3600 * second, () => over)
  assert.deepEqual([steps.at(-1)?.step, steps.at(-1)?.ok], ['greeting', false])
  assert.ok(timeline.now < 20 * second, `${timeline.now} ms`)
})
