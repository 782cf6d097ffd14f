import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'

/**
 * `npm run mutations [-- WORDS]`: the code is broken on purpose, a promise at a time, in a copy of the tree; the tests must notice each. A mutation whose
 * place is not found any more fails, too: it would prove nothing.
 */
type Mutation = { what: string; file: string; from: string; to: string; tests: string[] }

const sim = ['test/sim/sim.test.ts']
const real = ['test/contract/node.test.ts']
const gatewayLink = ['test/gateway/link.test.ts']
const purser = ['test/gateway/purser.test.ts', 'test/queue/budget.test.ts']
const queue = ['test/queue/queue.test.ts', 'test/queue/record.test.ts']

const mutations: Mutation[] = [
  {
    what: 'acknowledges before the sync',
    file: 'queue/journal.ts',
    from: '      await file.sync()\n    } catch',
    to: '      void file.sync().catch(() => {})\n    } catch',
    tests: queue,
  },
  {
    what: 'does not sync the directory of a new segment',
    file: 'queue/stock.ts',
    from: '    await disk.sync(dir)\n',
    to: '',
    tests: queue,
  },
  {
    what: 'takes a short write for a whole one',
    file: 'ports/disk.ts',
    from: '    done += taken',
    to: '    done = bytes.length',
    tests: queue,
  },
  {
    what: 'does not check the CRC',
    file: 'queue/record.ts',
    from: 'view.getUint32(28, true) !== checksum(whole)',
    to: 'false',
    tests: queue,
  },
  {
    what: 'forgets the generation of a recycled segment',
    file: 'queue/record.ts',
    from: 'found.filter((record) => record.generation === generation)',
    to: 'found',
    tests: queue,
  },
  {
    what: 'stops at the first damaged record',
    file: 'queue/record.ts',
    from: '    const next = indexOfMagic(segment, offset + 1)',
    to: '    const next = -1',
    tests: queue,
  },
  { what: 'lets info in until nothing is left', file: 'queue/space.ts', from: 'info: 0.2', to: 'info: 0', tests: queue },
  {
    what: 'forgets ids with their segment',
    file: 'queue/queue.ts',
    from: '    for (const body of this.#seen.writtenIn(segment, seenEntriesARecord))',
    to: '    for (const body of [] as Uint8Array[])',
    tests: queue,
  },
  {
    what: 'syncs settings but not their directory',
    file: 'ports/disk.ts',
    from: '  await disk.sync(draft)\n',
    to: '',
    tests: ['test/settings/store.test.ts'],
  },
  {
    what: 'syncs the same file again after an error',
    file: 'queue/journal.ts',
    from: '      await file.sync()\n    } catch',
    to: '      await file.sync().catch(() => file.sync())\n    } catch',
    tests: queue,
  },
  {
    what: 'takes a segment that cannot be read for an empty one',
    file: 'queue/replay.ts',
    from: '  if (!whole) return undefined\n',
    to: '  if (!whole) return { ...one, generation: 0, oldest: 0 }\n',
    tests: queue,
  },
  {
    what: 'begins a new device when the old one cannot be read',
    file: 'settings/durable.ts',
    from: "    if (main.kind === 'unread') throw main.error\n",
    to: '',
    tests: ['test/settings/store.test.ts'],
  },
  {
    what: 'looks at a broker under the client id of the source',
    file: 'source/probe.ts',
    from: 'qos, version, clientId, keepaliveS',
    to: 'qos, version, clientId: options.clientId, keepaliveS',
    tests: ['test/source/probe.test.ts'],
  },
  {
    what: 'takes 4yz for a refusal',
    file: 'relay/dialogue/envelope.ts',
    from: 'const never = kindOf(reply) === 5',
    to: 'const never = true',
    tests: ['test/relay/dialogue.test.ts'],
  },
  {
    what: 'takes silence after the dot for a delivery',
    file: 'relay/dialogue/envelope.ts',
    from: "  kind: 'uncertain',\n  why: `The connection ended",
    to: "  kind: 'refused',\n  why: `The connection ended",
    tests: ['test/relay/dialogue.test.ts'],
  },
  {
    what: 'does not stuff dots',
    file: 'relay/dialogue/content.ts',
    from: 'if (lineStart && octet === dot)',
    to: 'if (lineStart && octet === dot && i < 0)',
    tests: ['test/relay/content.test.ts'],
  },
  {
    what: 'sends a password in clear',
    file: 'relay/login/login.ts',
    from: 'if (!safe)',
    to: 'if (!safe && offered === "")',
    tests: ['test/relay/dialogue.test.ts'],
  },
  {
    what: 'believes what was offered before STARTTLS',
    file: 'relay/dialogue/dialogue.ts',
    from: 'answer.lost })\n  return yield* greet(hello)',
    to: 'answer.lost })\n  yield* greet(hello)\n  return offers',
    tests: ['test/relay/dialogue.test.ts'],
  },
  {
    what: 'forgets the octets of an uncertain letter',
    file: 'gateway/load.ts',
    from: 'if (this.#uncertain.has(id)) {',
    to: 'if (this.#uncertain.has(id) && id < 0) {',
    tests: sim,
  },
  {
    what: 'thaws what was in the air',
    file: 'gateway/load.ts',
    from: '} else if (!written.kept) queue.thaw(id)',
    to: '} else queue.thaw(id)',
    tests: sim,
  },
  {
    what: 'tells a late letter without freezing it',
    file: 'gateway/scribe.ts',
    from: "if (this.#isLate(id) || this.#when(stored.alert).certainty !== 'exact') {",
    to: 'if (id < 0) {',
    tests: ['test/gateway/late.test.ts'],
  },
  {
    what: 'forgets that letters may have been in the air when the power went',
    file: 'queue/queue.ts',
    from: '    queue.#memory.grounded.begin(queue.#memory.lastId)\n',
    to: '',
    tests: sim,
  },
  {
    what: 'merges what was in the air',
    file: 'gateway/backlog.ts',
    from: 'queue.isGrounded(id) && !queue.isFrozen(id)',
    to: 'id > 0',
    tests: sim,
  },
  {
    what: 'tells a digest and its alerts again after a cut',
    file: 'queue/queue.ts',
    from: '    for (const { id: gone } of this.#merge(alert)) this.#frozen.delete(gone)\n',
    to: '',
    tests: sim,
  },
  {
    what: 'takes a letter behind a broken line for one that was in the air',
    file: 'relay/dialogue/chain.ts',
    from: 'if (one.end === 0 || one.end > handed) continue',
    to: 'if (one.end >= 0) continue',
    tests: ['test/relay/cut.test.ts'],
  },
  {
    what: 'sends content to a server that may read it as commands',
    file: 'relay/dialogue/chain.ts',
    from: 'if (session.known.chunking !== true) yield* tryChunking(session, air)',
    to: '',
    tests: ['test/relay/chain.test.ts'],
  },
  {
    what: 'marks a refusal without a notice',
    file: 'gateway/postmaster.ts',
    from: '      await this.#put(noticesFor, name, alert, letter.content)\n',
    to: '',
    tests: sim,
  },
  {
    what: 'lets a letter pass its elder',
    file: 'queue/waiting.ts',
    from: 'if (elder !== undefined && elder <= severity) continue',
    to: '',
    tests: queue,
  },
  {
    what: 'acknowledges a refused message',
    file: 'source/mqtt.ts',
    from: "taken.kind === 'refused' && taken.again ? 'refused' : 'taken'",
    to: "'taken'",
    tests: ['test/source/mqtt.test.ts'],
  },
  {
    what: 'says ACK to what was refused',
    file: 'source/serial.ts',
    from: "taken.kind === 'refused' ? 0x15 : 0x06",
    to: '0x06',
    tests: ['test/source/serial.test.ts'],
  },
  {
    what: 'believes a server that did not prove itself',
    file: 'relay/login/login.ts',
    from: 'if (why !== undefined) throw new Ended',
    to: 'if (why === "") throw new Ended',
    tests: ['test/relay/login.test.ts'],
  },
  {
    what: 'does not compare the signature of SCRAM',
    file: 'relay/login/sasl/scram.ts',
    from: 'timingSafeEqual(bytes, expected)',
    to: 'timingSafeEqual(bytes, bytes)',
    tests: ['test/relay/sasl.test.ts'],
  },
  {
    what: 'takes up any nonce',
    file: 'relay/login/sasl/scram.ts',
    from: '!r.startsWith(nonce) || ',
    to: '',
    tests: ['test/relay/sasl.test.ts'],
  },
  {
    what: 'repeats what a server quotes of a login',
    file: 'relay/login/login.ts',
    from: 'text: hush(reply.text, secrets)',
    to: 'text: reply.text',
    tests: ['test/relay/login.test.ts'],
  },
  {
    what: 'takes an expired token for a wrong password',
    file: 'relay/login/token.ts',
    from: 'if (wasNew) return fault',
    to: 'return fault',
    tests: ['test/relay/token.test.ts'],
  },
  {
    what: 'fetches tokens without end',
    file: 'relay/login/token.ts',
    from: 'if (wasNew) return fault',
    to: '',
    tests: ['test/relay/token.test.ts'],
  },
  {
    what: 'forgets a changed refresh token',
    file: 'relay/login/token.ts',
    from: '      await this.#refresh.keep(answer.refreshToken)\n',
    to: '',
    tests: ['test/relay/token.test.ts'],
  },
  {
    what: 'writes over secrets that somebody changed by hand',
    file: 'settings/secrets.ts',
    from: '{ ...standing, [name]: value }',
    to: '{ ...this.#values, [name]: value }',
    tests: ['test/settings/secrets.test.ts'],
  },
  {
    what: 'asks the web in clear',
    file: 'ports/net.ts',
    from: ' && isLoopbackName(found.hostname)',
    to: '',
    tests: ['test/contract/sim.test.ts'],
  },
  {
    what: 'lets a web server drip for ever',
    file: 'ports/node/web.ts',
    from: '    outgoing.destroy(late)\n',
    to: '',
    tests: ['test/relay/token-endpoint.test.ts'],
  },
  {
    what: 'takes what came in clear for encrypted',
    file: 'ports/node/wire.ts',
    from: 'if (this.#bytes > 0 || this.#socket.readableLength > 0)',
    to: 'if (this.#bytes < 0)',
    tests: real,
  },
  {
    what: 'does not look at the name of a certificate',
    file: 'ports/node/trust.ts',
    from: 'if (!bearsName(leaf, options.serverName))',
    to: 'if (options.serverName === "")',
    tests: real,
  },
  {
    what: 'takes whoever answers for a host whose certificate counts',
    file: 'relay/relay.ts',
    from: "relay.security === 'opportunistic' && relay.auth.kind === 'none' && !relay.tokens ?",
    to: 'relay.auth.kind ?',
    tests: ['test/relay/hosts.test.ts'],
  },
  {
    what: 'tries a dead host while another one is left',
    file: 'relay/route/hosts.ts',
    from: 'this.#dead.rests(address, now)',
    to: 'now < 0 && this.#dead.rests(address, now)',
    tests: ['test/gateway/direct.test.ts'],
  },
  {
    what: 'forgets the policies of domains with the power',
    file: 'relay/route/policies.ts',
    from: '    await this.#keep()\n',
    to: '',
    tests: ['test/gateway/direct.test.ts'],
  },
  {
    what: 'takes a broken stream for an orderly end',
    file: 'ports/node/wire.ts',
    from: 'if (this.#error) throw this.#error',
    to: 'if (this.#error) return undefined',
    tests: real,
  },
  {
    what: 'takes up a TLS session whatever is trusted now',
    file: 'ports/node/tls.ts',
    from: "ca ?? '', pins",
    to: "'', pins",
    tests: real,
  },
  {
    what: 'acknowledges to the broker what was refused',
    file: 'ports/node/broker-session.ts',
    from: "(await this.#on.message(message)) === 'taken'",
    to: '(await this.#on.message(message)) !== undefined',
    tests: real,
  },
  {
    what: 'takes a known session for a subscription',
    file: 'ports/node/broker.ts',
    from: 'granted.get(topic) !== qos',
    to: 'granted.size === 0 && granted.get(topic) !== qos',
    tests: real,
  },
  {
    what: 'takes a QoS 2 number for the message',
    file: 'ports/node/incoming-store.ts',
    from: 'return packet.dup && this.#prints.get(packet.messageId ?? -1) === printOf(packet)',
    to: 'return this.#prints.has(packet.messageId ?? -1)',
    tests: [...real, 'test/contract/node-broker.test.ts'],
  },
  {
    what: 'takes every DUP of QoS 2 for known',
    file: 'ports/node/broker-server.ts',
    from: 'packet.qos === 2 && packet.dup && (await this.#isRepeated(client, packet, payload))',
    to: 'packet.qos === 2 && packet.dup',
    tests: real,
  },
  {
    what: 'answers devices out of turn',
    file: 'ports/node/broker-server.ts',
    from: 'await this.#inTurn(client, this.#tell(client, packet, payload))',
    to: 'await this.#tell(client, packet, payload)',
    tests: real,
  },
  {
    what: 'tries without a way',
    file: 'gateway/outbound.ts',
    from: '(id) => ways.get(id)?.open === true',
    to: '() => true',
    tests: gatewayLink,
  },
  {
    what: 'lets a rest last although the link is back',
    file: 'gateway/courier.ts',
    from: '      options.outbound.wayIsBack(options.ports.clock.monotonic())\n',
    to: '',
    tests: gatewayLink,
  },
  {
    what: 'overlooks a link that comes back in the middle of a round',
    file: 'gateway/courier.ts',
    from: ' && !this.#nudged',
    to: '',
    tests: gatewayLink,
  },
  {
    what: 'holds on to a flight whose address is gone',
    file: 'gateway/lookout.ts',
    from: 'flying.lost.abort()',
    to: 'void 0',
    tests: gatewayLink,
  },
  {
    what: 'watches the link when nobody waits',
    file: 'gateway/lookout.ts',
    from: '    this.#waiting = false',
    to: '    this.#waiting = this.#cancel !== undefined',
    tests: gatewayLink,
  },
  {
    what: 'storms a name server over a link that flaps',
    file: 'relay/health.ts',
    from: 'health.returns < freeReturns ? 0 : rest(health.returns - freeReturns + 1)',
    to: '0',
    tests: gatewayLink,
  },
  {
    what: 'forgets at a power cut what has left',
    file: 'gateway/purser.ts',
    from: '    queue.keepSpent(this.#spent, noted)\n',
    to: '',
    tests: purser,
  },
  {
    what: 'notes what has left, and forgets it with its segment',
    file: 'queue/memory.ts',
    from: '      ...(this.#spent ? { spent: this.#spent } : {}),\n',
    to: '',
    tests: purser,
  },
  {
    what: 'believes the word of the clock for the day of a letter',
    file: 'queue/budget.ts',
    from: 'return now.wall - (now.mono - at.mono)',
    to: 'return at.wall',
    tests: purser,
  },
  {
    what: 'keeps critical letters when the budget is used up',
    file: 'queue/leave.ts',
    from: '  if (severity === 0) return undefined\n',
    to: '',
    tests: purser,
  },
  {
    what: 'lets a small letter pass its large elder of the same key',
    file: 'queue/waiting.ts',
    from: "!(kept === 'size' && (flags & flag.loose) !== 0)",
    to: "kept !== 'size'",
    tests: purser,
  },
  {
    what: 'does not count letters in the air',
    file: 'gateway/purser.ts',
    from: 'letters: today.letters + this.#aboard.size',
    to: 'letters: today.letters',
    tests: purser,
  },
  {
    what: 'writes a To field for each recipient',
    file: 'mail/message.ts',
    from: '    node.setHeader(name, (typeof',
    to: '    node.addHeader(name, (typeof',
    tests: ['test/mail/compose.test.ts'],
  },
]

const root = new URL('../..', import.meta.url).pathname
let missed = 0
const wanted = process.argv.slice(2).join(' ')
const chosen = mutations.filter(({ what, file }) => `${file} ${what}`.includes(wanted))
for (const { what, file, from, to, tests } of chosen) {
  const copy = mkdtempSync(`${tmpdir()}/outpost-mutation-`)
  for (const part of ['src', 'test', 'package.json', 'tsconfig.json']) cpSync(`${root}${part}`, `${copy}/${part}`, { recursive: true })
  symlinkSync(`${root}node_modules`, `${copy}/node_modules`)
  const path = `${copy}/src/${file}`
  const text = readFileSync(path, 'utf8')
  const changed = text.replace(from, () => to)
  writeFileSync(path, changed)
  const env = { ...process.env, OUTPOST_SEEDS: '300' }
  const green = () =>
    spawnSync(process.execPath, ['--test', '--test-timeout=120000', ...tests], { cwd: copy, timeout: 180_000, env }).status === 0
  const caught = changed !== text && !green()
  if (!caught) missed++
  console.log(`${changed === text ? 'NOT FOUND' : caught ? 'caught   ' : 'MISSED   '} ${what}`)
  rmSync(copy, { recursive: true, force: true })
}
console.log(`${chosen.length} mutations, ${missed} missed`)
process.exit(missed > 0 || chosen.length === 0 ? 1 : 0)
