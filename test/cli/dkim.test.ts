import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dkimKeyOf, lookAtDkim, makeDkimKey } from '../../src/cli/dkim.ts'
import { checkSettings } from '../../src/settings/check.ts'
import { effective } from '../../src/settings/schema.ts'
import type { Zone } from '../peers/zone.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimNames } from '../sim/world/names.ts'
import { SimRandom } from '../sim/world/random.ts'
import { Timeline } from '../sim/world/timeline.ts'

function settingsOf(mail: object) {
  const { settings, findings } = checkSettings(JSON.stringify({ version: 1, mail: { from: 'Pump <ps7@pumps.example.org>', ...mail } }))
  assert.ok(settings, JSON.stringify(findings))
  return effective(settings)
}

const wanted = settingsOf({ dkim: { domain: 'example.org' } })
const name = 'outpost._domainkey.example.org'

async function box(zone: Zone = {}) {
  const disk = new SimDisk()
  await disk.makeDir('data')
  const said: string[] = []
  const names = new SimNames(zone)
  const log = (level: string, event: string, facts: object = {}) => void said.push(`${level} ${event} ${JSON.stringify(facts)}`)
  const ports = { clock: new SimClock(new Timeline(), 'boot'), disk, log, names: () => names, random: new SimRandom(1) }
  const scene = { ports, dir: 'data' }
  const doctor = async (settings = wanted): Promise<string> => {
    const lines: string[] = []
    await lookAtDkim(scene, settings, (ok, words) => void lines.push(`${ok ? 'ok' : 'FAIL'} ${words}`))
    return lines.join('\n')
  }
  return { scene, disk, names, said, doctor }
}

test('outpost doctor shows the record to publish, and says when it is there', async () => {
  const { scene, names, doctor } = await box()
  await makeDkimKey(scene, wanted)
  const first = await doctor()
  assert.match(
    first,
    /^FAIL outpost\._domainkey\.example\.org is not published.*Publish: outpost\._domainkey\.example\.org\. IN TXT \( "v=DKIM1; /,
  )
  // As somebody would do it: the strings of the line, as they stand.
  const strings = [...first.matchAll(/"([^"]*)"/g)].map((found) => found[1] ?? '')
  names.zone = { [name]: { txt: [['v=spf1 -all'], strings] } }
  assert.equal(await doctor(), `ok ${name} has our key`)
})

test('another key, a withdrawn one, and a name server that does not answer are told apart', async () => {
  const { scene, names, doctor } = await box()
  await makeDkimKey(scene, wanted)
  names.zone = { [name]: { txt: [['v=DKIM1; p=AAAA']] } }
  assert.match(await doctor(), /^FAIL .* has another key, so our signatures are broken ones\. Publish: /)
  names.zone = { [name]: { txt: [['v=DKIM1; p=']] } }
  assert.match(await doctor(), /^FAIL .* withdrawn.* Publish: /)
  names.zone = { [name]: { fails: 'servfail' } }
  assert.match(await doctor(), /^FAIL .*servfail.* It should have: outpost\._domainkey/)
})

test('the domain is that of mail.from when none is written, and without dkim nothing is made or said', async () => {
  const { scene, disk, doctor } = await box()
  const none = settingsOf({})
  await makeDkimKey(scene, none)
  assert.deepEqual([await dkimKeyOf(scene, none), await doctor(none), await disk.list('data')], [undefined, '', []])
  const own = settingsOf({ dkim: {} })
  await makeDkimKey(scene, own)
  assert.equal((await dkimKeyOf(scene, own))?.domain, 'pumps.example.org')
})

test('a key that cannot be read is told, and letters leave unsigned rather than not', async () => {
  const { scene, disk, said, doctor } = await box()
  await disk.makeDir('data/dkim')
  await disk.write('data/dkim/outpost.pem', Buffer.from('nonsense'))
  await makeDkimKey(scene, wanted)
  assert.equal(await dkimKeyOf(scene, wanted), undefined)
  assert.match(said.join('\n'), /error dkim: there is no key .*holds no RSA private key.*\n.*error dkim: letters leave unsigned/)
  assert.match(await doctor(), /^FAIL There is no key/)
})

test('a domain that cannot vouch for the sender is refused by the check', () => {
  const { findings } = checkSettings(
    JSON.stringify({ version: 1, mail: { from: 'ps7@pumps.example.org', dkim: { domain: 'example.com' } } }),
  )
  assert.ok(findings.some(({ path, level }) => path === 'mail.dkim.domain' && level !== 'note'))
})
