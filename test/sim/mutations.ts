import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'

/**
 * `npm run mutations`: the code is broken on purpose, a promise at a time, in a copy of the tree; the tests must notice each. A mutation whose
 * place is not found any more fails, too: it would prove nothing. `npm run mutations -- ports/node`: only those of these files.
 */
type Mutation = { what: string; file: string; from: string; to: string; tests: string[] }

const sim = ['test/sim/sim.test.ts']
const real = ['test/contract/node.test.ts']
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
    file: 'queue/journal.ts',
    from: '      await disk.sync(dir)\n',
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
    what: 'takes 4yz for a refusal',
    file: 'relay/dialogue.ts',
    from: 'const never = kindOf(reply) === 5',
    to: 'const never = true',
    tests: ['test/relay/dialogue.test.ts'],
  },
  {
    what: 'takes silence after the dot for a delivery',
    file: 'relay/dialogue.ts',
    from: "outcome: { kind: 'uncertain', why:",
    to: "outcome: { kind: 'refused', why:",
    tests: ['test/relay/dialogue.test.ts'],
  },
  {
    what: 'does not stuff dots',
    file: 'relay/content.ts',
    from: 'if (lineStart && octet === dot)',
    to: 'if (lineStart && octet === dot && i < 0)',
    tests: ['test/relay/content.test.ts'],
  },
  {
    what: 'sends a password in clear',
    file: 'relay/login.ts',
    from: 'if (!safe)',
    to: 'if (!safe && offered === "")',
    tests: ['test/relay/dialogue.test.ts'],
  },
  {
    what: 'believes what was offered before STARTTLS',
    file: 'relay/dialogue.ts',
    from: '  return yield* greet(hello)\n}\n\nfunction* letters',
    to: '  yield* greet(hello)\n  return offers\n}\n\nfunction* letters',
    tests: ['test/relay/dialogue.test.ts'],
  },
  {
    what: 'forgets the octets of an uncertain letter',
    file: 'gateway/courier.ts',
    from: 'if (this.#uncertain.has(id)) {',
    to: 'if (this.#uncertain.has(id) && id < 0) {',
    tests: sim,
  },
  {
    what: 'thaws what was in the air',
    file: 'gateway/courier.ts',
    from: '} else if (!written.kept) queue.thaw(id)',
    to: '} else queue.thaw(id)',
    tests: sim,
  },
  {
    what: 'tells a late letter without freezing it',
    file: 'gateway/scribe.ts',
    from: "if (this.#isLate(id) || this.#when(stored.alert).certainty !== 'exact') {",
    to: 'if (id < 0) {',
    tests: sim,
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
    what: 'takes what came in clear for encrypted',
    file: 'ports/node/wire.ts',
    from: 'if (this.#bytes > 0)',
    to: 'if (this.#bytes < 0)',
    tests: real,
  },
  {
    what: 'does not look at the name of a certificate',
    file: 'ports/node/tls.ts',
    from: 'checkServerIdentity(options.serverName, certificate)',
    to: 'undefined',
    tests: real,
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
    file: 'ports/node/trust.ts',
    from: "hash('sha256', ca)",
    to: "''",
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
]

const root = new URL('../..', import.meta.url).pathname
const chosen = mutations.filter(({ file }) => file.startsWith(process.argv[2] ?? ''))
let missed = 0
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
process.exit(missed > 0 ? 1 : 0)
