import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lookAtDestinations } from '../../src/cli/doctor-mx.ts'
import type { Zone } from '../peers/zone.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimNames } from '../sim/world/names.ts'
import { SimRandom } from '../sim/world/random.ts'
import { Timeline } from '../sim/world/timeline.ts'

async function doctor(zone: Zone, ...addresses: string[]): Promise<string[]> {
  const names = new SimNames(zone)
  const ports = { clock: new SimClock(new Timeline(), 'boot'), random: new SimRandom(1), names: () => names }
  const people = addresses.map((address, index) => ({ id: `p${index}`, name: `Person ${index}`, address }))
  const site = { name: 'Pump 7', domain: 'ps7.example', timeZone: 'UTC', language: 'en' as const }
  const direct = { dns: [], port: 25, mtaSts: false, dane: false }
  const lines: string[] = []
  await lookAtDestinations({ ports }, { people, site, direct }, (ok, words) => void lines.push(`${ok ? 'ok' : 'FAIL'} ${words}`))
  return lines
}

test('the hosts of each domain are told once, and people of this site have none', async () => {
  const zone: Zone = { 'example.org': { mx: [[10, 'mx1.example.org']] }, 'mx1.example.org': { a: ['192.0.2.1'] } }
  assert.deepEqual(await doctor(zone, 'anna@example.org', 'bert@Example.org', 'shift@ps7.example'), [
    'ok Letters for example.org go to mx1.example.org (192.0.2.1; TLS opportunistic).',
  ])
})

test('a domain that takes no mail, one that is not there, and a name server that fails are told apart', async () => {
  const zone: Zone = { 'null.example': { mx: [[0, '.']] }, 'sick.example': { fails: 'servfail' } }
  const lines = await doctor(zone, 'a@null.example', 'b@gone.example', 'c@sick.example')
  assert.equal(lines.length, 3)
  assert.ok(
    lines.every((line) => line.startsWith('FAIL ')),
    lines.join('\n'),
  )
  assert.match(lines[0] ?? '', /null\.example/)
  assert.match(lines[1] ?? '', /gone\.example/)
  assert.match(lines[2] ?? '', /sick\.example/)
  assert.equal(new Set(lines.map((line) => line.replace(/\w+\.example/g, ''))).size, 3)
})

test('a host without an address is told beside the one that has one', async () => {
  const zone: Zone = {
    'example.org': {
      mx: [
        [10, 'mx1.example.org'],
        [20, 'mx2.example.org'],
      ],
    },
    'mx2.example.org': { a: ['192.0.2.2'] },
  }
  const [line] = await doctor(zone, 'anna@example.org')
  assert.match(
    line ?? '',
    /^FAIL Letters for example\.org go to mx2\.example\.org \(192\.0\.2\.2; .*The host mx1\.example\.org has no address\./,
  )
})
