import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readGauges } from '../../src/cli/gauges.ts'
import { statusPath } from '../../src/device/update.ts'
import { WebBox } from './box.ts'

const status = (box: WebBox, more: object) =>
  box.sys.files.set(statusPath, JSON.stringify({ version: '0.1.0+202611010000', slot: 'A', state: 'idle', ...more }))
const octets = { 'content-type': 'application/octet-stream' }

test('a box that was not flashed says how it is updated', async () => {
  const box = await WebBox.claimed()
  const answer = await box.ask('GET', '/api/update')
  assert.equal(answer.status, 501)
  assert.match(await answer.text(), /by its package, or by npm/)
  await box.household.stop()
})

test('a bundle is sent, checked and installed from the page; out of turn it is refused', async () => {
  const box = await WebBox.claimed()
  status(box, {})
  assert.equal((await box.ask('POST', '/api/update/check')).status, 409)
  assert.equal((await box.ask('POST', '/api/update/install')).status, 409)
  assert.deepEqual(await (await box.ask('POST', '/api/update?offset=0', 'a', octets)).json(), { received: 3 })
  assert.equal((await box.ask('POST', '/api/update?offset=1', 'a', octets)).status, 409)
  assert.equal((await box.ask('POST', '/api/update/check')).status, 202)
  assert.match(Buffer.from(await box.disk.read('data/update/request.json')).toString(), /^\{"do":"check","request":"[0-9a-f]{16}"\}$/)
  status(box, { state: 'checked', bundle: '0.1.1+202612010000' })
  assert.equal((await box.ask('POST', '/api/update/install')).status, 202)
  assert.match(Buffer.from(await box.disk.read('data/update/request.json')).toString(), /^\{"do":"install","request":"[0-9a-f]{16}"\}$/)
  assert.equal(
    Buffer.from(await box.disk.read('data/update/settings.json')).toString(),
    Buffer.from(await box.disk.read('data/settings.json')).toString(),
  )
  await box.household.stop()
})

test('CSRF (CWE-352): a form of a foreign page cannot send a bundle', async () => {
  const box = await WebBox.claimed()
  status(box, {})
  for (const type of ['text/plain', 'multipart/form-data', 'application/x-www-form-urlencoded'])
    assert.equal((await box.ask('POST', '/api/update?offset=0', 'a', { 'content-type': type })).status, 415, type)
  assert.equal(
    (await box.ask('POST', '/api/update?offset=0', 'a', { ...octets, 'sec-fetch-site': 'cross-site', origin: 'http://evil.example' }))
      .status,
    403,
  )
  await box.household.stop()
})

test('an update that did not work is an alert, once; when it fails again in the same words, it is another', async () => {
  const box = await WebBox.claimed()
  const failed = {
    state: 'rolled-back',
    bundle: '0.1.1+202612010000',
    why: 'Version 0.1.1+202612010000 did not come up well, and the box went back.',
  }
  const pass = (minutes: number) => box.timeline.run(box.timeline.now + minutes * 60_000)
  const told = async () => {
    const texts = await Promise.all(
      (await box.disk.list('data/mailbox/operator/new')).map(async (name) =>
        Buffer.from(await box.disk.read(`data/mailbox/operator/new/${name}`)).toString(),
      ),
    )
    return texts.filter((text) => text.includes('did not come up well')).length
  }
  status(box, failed)
  const stop = await readGauges(box.scene, box.household.device, box.household)
  await pass(10)
  assert.equal(await told(), 1)
  // The box restarts: until the boot is confirmed nothing is told.
  box.sys.files.delete(statusPath)
  await pass(2)
  status(box, failed)
  await pass(10)
  assert.equal(await told(), 1, 'it is the same one')
  for (const state of ['idle', 'installing']) {
    const before = await told()
    status(box, { state })
    await pass(2)
    status(box, failed)
    await pass(10)
    assert.equal(await told(), before + 1, state)
  }
  await stop()
  await box.household.stop()
})
