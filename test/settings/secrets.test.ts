import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSettings } from '../../src/settings/check.ts'
import { Secrets } from '../../src/settings/secrets.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'

const auth = {
  kind: 'oauth2',
  user: 'ps7@example.org',
  tokenUrl: 'https://provider.example/token',
  clientId: 'id',
  refreshToken: { secret: 'relay:isp' },
}
const relays = (change: Record<string, unknown> = {}) =>
  JSON.stringify({ relays: [{ id: 'isp', host: 'x.org', auth: { ...auth, ...change } }] })

async function holding(values: Record<string, string>): Promise<SimDisk> {
  const disk = new SimDisk()
  await disk.makeDir('data')
  await disk.write('data/secrets.json', Buffer.from(JSON.stringify(values)))
  await disk.sync('data/secrets.json')
  await disk.sync('data')
  return disk
}
const onDisk = async (disk: SimDisk): Promise<unknown> => JSON.parse(Buffer.from(await disk.read('data/secrets.json')).toString())

test('a secret that was kept is the one on the disk, and what somebody else wrote meanwhile stays', async () => {
  const disk = await holding({ 'relay:isp': 'old', mqtt: 'm' })
  const secrets = await Secrets.load(disk, 'data', {})
  await disk.write('data/secrets.json', Buffer.from('{"relay:isp":"by-hand","mqtt":"m2"}'))
  assert.equal(secrets.get('relay:isp'), 'old')
  assert.equal(await secrets.current('relay:isp'), 'by-hand')
  assert.equal(await secrets.keep('relay:isp', 'new'), undefined)
  assert.equal(secrets.get('relay:isp'), 'new')
  await disk.write('data/secrets.json', Buffer.from('{"relay:isp":"new","mqtt":"m3"}'))
  await secrets.keep('relay:isp', 'newer')
  assert.deepEqual(await onDisk(disk), { 'relay:isp': 'newer', mqtt: 'm3' })
  assert.ok(secrets.values().includes('newer'), 'the log hides it, too')
})

test('two secrets that are kept at once are both kept', async () => {
  const disk = await holding({})
  disk.delay = () => new Promise((resolve) => setImmediate(resolve))
  const secrets = await Secrets.load(disk, 'data', {})
  await Promise.all([secrets.keep('a', '1'), secrets.keep('b', '2'), secrets.current('a')])
  assert.deepEqual(await onDisk(disk), { a: '1', b: '2' })
})

test('a power cut while a secret is kept leaves the old one or the new one', async () => {
  const found = new Set<string | undefined>()
  for (let seed = 1; seed <= 60; seed++) {
    const disk = await holding({ 'relay:isp': 'old' })
    const random = new SimRandom(seed)
    let syncs = random.below(7)
    const secrets = await Secrets.load(disk, 'data', {})
    disk.delay = () => (syncs-- > 0 ? Promise.resolve() : new Promise(() => {}))
    void secrets.keep('relay:isp', 'new')
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve))
    const after = (await Secrets.load(disk.powerCut(random), 'data', {})).get('relay:isp')
    assert.ok(after === 'old' || after === 'new', `seed ${seed}: ${after}`)
    found.add(after)
  }
  assert.equal(found.size, 2, 'the power went before and after')
})

test('what comes from the environment or the credentials cannot be kept, and that is said beforehand', async () => {
  const disk = await holding({ 'relay:isp': 'file' })
  await disk.makeDir('cred')
  await disk.write('cred/relay_isp', Buffer.from('credential'))
  const { settings } = checkSettings(relays())
  assert.ok(settings)
  for (const env of [{ CREDENTIALS_DIRECTORY: 'cred' }, { OUTPOST_SECRET_RELAY_ISP: 'env' }]) {
    const secrets = await Secrets.load(disk, 'data', env)
    assert.match((await secrets.keep('relay:isp', 'new')) ?? '', /cannot be written.*lost with the next restart/)
    assert.deepEqual(await onDisk(disk), { 'relay:isp': 'file' })
    assert.deepEqual(
      secrets.fixed(settings).map(({ path, level }) => [path, level]),
      [['relays[0].auth.refreshToken', 'note']],
    )
  }
  assert.deepEqual((await Secrets.load(disk, 'data', {})).fixed(settings), [])
})

test('a file that cannot be read is not written over', async () => {
  const disk = await holding({})
  await disk.write('data/secrets.json', Buffer.from('{"relay:isp": "half'))
  const secrets = await Secrets.load(disk, 'data', {})
  assert.match((await secrets.keep('relay:isp', 'new')) ?? '', /cannot be used/)
  assert.equal(Buffer.from(await disk.read('data/secrets.json')).toString(), '{"relay:isp": "half')
})

test('an OAuth2 login has an effect, and its secrets go to nobody in clear', () => {
  const good = checkSettings(relays())
  assert.deepEqual(good.findings, [])
  assert.ok(checkSettings(relays({ tokenUrl: 'http://127.0.0.1:8080/token' })).settings)
  for (const tokenUrl of [
    'http://provider.example/token',
    'https://me:pw@provider.example/',
    'provider.example',
    'ftp://provider.example/',
  ]) {
    const { settings, findings } = checkSettings(relays({ tokenUrl }))
    assert.equal(settings, undefined)
    assert.match(findings[0]?.write ?? '', /https:\/\//)
  }
})
