import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { test } from 'node:test'
import { Scribe } from '../../src/gateway/scribe.ts'
import { dkimRecord } from '../../src/mail/dkim.ts'
import { instant } from '../../src/ports/clock.ts'
import { silent } from '../../src/ports/log.ts'
import { Queue } from '../../src/queue/queue.ts'
import { dkimpy } from '../peers/dkim.ts'
import { DnsServer } from '../peers/dns.ts'
import { missing } from '../peers/process.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { rsaKey } from '../sim/world/rsa-key.ts'
import { Timeline } from '../sim/world/timeline.ts'

const dkim = { selector: 'outpost', domain: 'example.org', privateKey: createPrivateKey(rsaKey) }
const skip = missing('dkimverify')

/** A letter for somebody elsewhere and somebody on the box. */
async function scene() {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'boot')
  const queue = await Queue.open({ disk: new SimDisk(), clock, log: silent, dir: 'data/journal', maxMiB: 1, segmentBytes: 64 * 1024 })
  const scribe = new Scribe({
    clock,
    log: silent,
    queue,
    dkim,
    deviceId: 'aa',
    site: { name: 'Pump station 7', domain: 'ps7.example.org', timeZone: 'UTC', language: 'en' },
    from: { name: 'Pump station 7', address: 'ps7@example.org' },
    people: [
      { id: 'ops', name: 'Ops', address: 'ops@example.com' },
      { id: 'here', name: 'Operator', address: 'operator@ps7.example.org' },
    ],
    software: 'Outpost 0',
    known: () => ({ builtAt: instant(0) }),
    viaOf: () => 'MQTT',
    onLost: () => assert.fail('nothing is lost'),
  })
  const stamp = { wall: clock.wall(), mono: clock.monotonic(), boot: clock.boot, synchronised: 'yes' } as const
  const accepted = await queue.accept({
    source: 'plc',
    text: 'Pump 3 überhitzt',
    severity: 'warning',
    state: 'event',
    to: ['ops', 'here'],
    stamp,
  })
  assert.ok(accepted.kind === 'accepted')
  const here = () =>
    scribe.writeLocal(
      accepted.id,
      scribe.recipients(accepted.id).filter((one) => one.local),
    )
  return { timeline, queue, scribe, away: () => scribe.write(accepted.id, (one) => !one.local), here }
}

const textOf = (written: { letter: { content: Uint8Array } } | undefined): string => Buffer.from(written?.letter.content ?? []).toString()

test('letters that leave the box are signed, the same each time; those that stay are not', { skip, timeout: 60_000 }, async () => {
  const { queue, ...of } = await scene()
  const [away, again, here] = [await of.away(), await of.away(), await of.here()]
  assert.ok(away && again && here)
  assert.deepEqual(away.letter.content, again.letter.content)
  assert.doesNotMatch(Buffer.from(here.letter.content).toString(), /DKIM/)
  const { name, value } = dkimRecord(dkim)
  const server = await DnsServer.start({ [name]: { txt: [[value.slice(0, 255), value.slice(255)]] } })
  try {
    assert.deepEqual(await dkimpy(server.port, [away.letter.content]), [true])
  } finally {
    await server.stop()
    await queue.close()
  }
})

test('a late letter leaves signed, also when it was frozen for somebody on the box before', async () => {
  const { timeline, queue, away, here } = await scene()
  await timeline.run(600_000)
  queue.ground()
  const read = textOf(await here())
  assert.match(read, /Waited/)
  assert.doesNotMatch(read, /DKIM/)
  await timeline.run(1_200_000)
  const left = textOf(await away())
  assert.match(left, /^DKIM-Signature:/)
  assert.ok(left.endsWith(read), 'the same octets behind the signature')
  assert.equal(textOf(await away()), left)
  await queue.close()
})
