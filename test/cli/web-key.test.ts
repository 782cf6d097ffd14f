import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finishWebKey, keepWebKey, ownWebKey, readWebKey, webKeyOrStandIn } from '../../src/cli/web-key.ts'
import { DiskError } from '../../src/ports/disk.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import { selfSigned } from '../../src/web/certificate.ts'
import type { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'
import { WebBox } from '../web/box.ts'

const random = new NodeRandom()
async function pair(name: string) {
  const key = await random.ecKey()
  return { key, cert: selfSigned(key, [name], random.bytes(16), 0, Date.UTC(2040, 0)) }
}
const on = (box: WebBox, disk: SimDisk) => ({ ...box.scene, ports: { ...box.scene.ports, disk } })
const standing = async (disk: SimDisk) => ({
  key: Buffer.from(await disk.read('data/web/key.pem')).toString(),
  cert: Buffer.from(await disk.read('data/web/cert.pem')).toString(),
})

test('a certificate that cannot be read just now is not written over, and is there again when the disk gives it', async () => {
  const box = await WebBox.claimed()
  const mine = await pair('mine.example.org')
  assert.equal((await box.ask('PUT', '/api/certificate', mine)).status, 204)
  for (const file of ['cert.pem', 'key.pem']) {
    let times = 1
    box.disk.faults.unreadable = (path) => path.endsWith(file) && times-- > 0
    const { certificate } = (await (await box.ask('GET', '/api/device')).json()) as { certificate: { subject: string } }
    assert.match(certificate.subject, /mine/, 'one error is nothing')
    box.disk.faults.unreadable = (path) => path.endsWith(file)
    assert.equal(((await (await box.ask('GET', '/api/device')).json()) as { certificate?: object }).certificate, undefined)
    assert.match(box.book.lines.join('\n'), /the certificate cannot be told.*cannot be read/)
    await assert.rejects(ownWebKey(box.scene, ['other']), /cannot be read/)
    const standIn = await webKeyOrStandIn(box.scene, ['other'])
    assert.notEqual(standIn.key, mine.key, 'whoever serves goes on')
    assert.equal((await webKeyOrStandIn(box.scene, ['other'])).facts.fingerprint, standIn.facts.fingerprint)
    box.disk.faults = {}
    assert.deepEqual(await standing(box.disk), mine)
    assert.equal((await ownWebKey(box.scene, ['other'])).key, mine.key)
  }
})

test('files that are no pair stay, whoever put them there', async () => {
  const box = await WebBox.claimed()
  const [mine, other] = [await pair('mine'), await pair('other')]
  await box.disk.makeDir('data/web')
  await box.disk.write('data/web/cert.pem', Buffer.from(mine.cert))
  await assert.rejects(ownWebKey(box.scene, ['box']), /cannot be used/)
  await box.disk.write('data/web/key.pem', Buffer.from(other.key))
  await assert.rejects(ownWebKey(box.scene, ['box']), /cannot be used/)
  assert.deepEqual(await standing(box.disk), { key: other.key, cert: mine.cert })
  assert.equal((await box.ask('PUT', '/api/certificate', mine)).status, 204, 'a pair of somebody’s own mends it')
  assert.equal((await readWebKey(box.scene))?.key, mine.key)
})

test('a power cut while key and certificate are replaced leaves the old pair or the new one, also in the files that others read', async () => {
  const found = new Set<string>()
  const box = await WebBox.claimed()
  const [old, next] = [await pair('old'), await pair('new')]
  for (let seed = 0; seed < 40; seed++) {
    const { disk: fresh } = await WebBox.open()
    await keepWebKey(on(box, fresh), old)
    let syncs = seed % 9
    fresh.delay = (kind) => (kind === 'write' || syncs-- > 0 ? Promise.resolve() : new Promise(() => {}))
    void keepWebKey(on(box, fresh), next)
    for (let turns = 0; turns < 9; turns++) await new Promise((resolve) => setImmediate(resolve))
    const disk = fresh.powerCut(new SimRandom(seed))
    const known = await readWebKey(on(box, disk))
    assert.ok(known, `seed ${seed}`)
    await finishWebKey(on(box, disk))
    const files = await standing(disk)
    const which = [old, next].find((one) => one.key === files.key && one.cert === files.cert)
    assert.ok(which, `seed ${seed}: no pair`)
    found.add(which === old ? 'old' : 'new')
    assert.ok(!disk.paths().includes('data/web/next.json'), 'nothing is left aside')
  }
  assert.equal(found.size, 2, 'the power went before and after')
})

test('page, mailbox and mail door that ask at once for a certificate get the same one', async () => {
  const box = await WebBox.open()
  box.disk.delay = () => new Promise((resolve) => setImmediate(resolve))
  const asked = await Promise.all([1, 2, 3].map(() => ownWebKey(box.scene, ['box'])))
  assert.equal(new Set(asked.map((one) => one.facts.fingerprint)).size, 1)
  assert.equal((await readWebKey(box.scene))?.facts.fingerprint, asked[0]?.facts.fingerprint)
})

test('a pair that the disk refused is not taken at the next start', async () => {
  const box = await WebBox.claimed()
  const [mine, other] = [await pair('mine'), await pair('other')]
  await keepWebKey(box.scene, mine)
  const write = box.disk.write.bind(box.disk)
  box.disk.write = async (path, bytes) => {
    if (path.includes('key.pem')) throw new DiskError(`cannot write ${path}`, 'ENOSPC')
    return write(path, bytes)
  }
  await assert.rejects(keepWebKey(box.scene, other), /ENOSPC|cannot write/)
  box.disk.write = write
  await finishWebKey(box.scene)
  assert.equal((await readWebKey(box.scene))?.key, mine.key)
})
