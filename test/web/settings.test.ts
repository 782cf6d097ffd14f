import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebBox } from './box.ts'

const jsonOf = async <T>(answer: Response): Promise<T> => (await answer.json()) as T
type Finding = { path: string; what: string; write: string; level: string }

async function read(box: WebBox) {
  const answer = await box.ask('GET', '/api/settings')
  assert.equal(answer.status, 200, await answer.clone().text())
  const { settings, findings } = await jsonOf<{ settings: Record<string, unknown>; findings: Finding[] }>(answer)
  return { settings, findings, match: { 'if-match': answer.headers.get('etag') ?? '' } }
}

/** A box that starts with settings that somebody wrote wrong, and makes do with those before. */
async function misspelt(written: (text: string) => string): Promise<{ box: WebBox; text: string }> {
  const first = await WebBox.claimed({ site: { name: 'Pump 7' } })
  const { settings, match } = await read(first)
  assert.equal((await first.ask('PUT', '/api/settings', { ...settings, site: { name: 'Pump 8' } }, match)).status, 200)
  await first.household.stop()
  const text = written(Buffer.from(await first.disk.read('data/settings.json')).toString())
  await first.disk.write('data/settings.json', Buffer.from(text))
  return { box: await WebBox.entered(first.disk), text }
}

test('settings that were refused at a start lock nobody out: what runs is shown with what is wrong of the file, and the next save puts that aside', async () => {
  for (const [slip, what] of [
    [(text: string) => text.replace('"timeZone"', '"timezone"'), /timezone/],
    [(text: string) => `${text.trimEnd().slice(0, -1)},}`, /JSON/],
  ] as const) {
    const { box, text } = await misspelt(slip)
    const { settings, findings, match } = await read(box)
    assert.deepEqual((settings.site as { name: string }).name, 'Pump 7')
    assert.equal(findings[0]?.path, '')
    assert.match(findings[0]?.write ?? '', /settings\.json\.refused/)
    assert.match(findings.map((one) => `${one.path} ${one.what}`).join(), what)
    for (const [method, path, body] of [
      ['POST', '/api/backup', {}],
      ['GET', '/api/support', undefined],
    ] as const)
      assert.equal((await box.ask(method, path, body)).status, 200, path)
    assert.equal((await box.ask('POST', '/api/testmail', { to: 'operator@outpost.internal' })).status, 201)
    assert.equal((await box.ask('POST', '/api/reset', { name: 'Pump 9' })).status, 400)
    const saved = await box.ask('PUT', '/api/settings', { ...settings, site: { name: 'Pump 9' } }, match)
    assert.equal(saved.status, 200, await saved.clone().text())
    assert.equal(Buffer.from(await box.disk.read('data/settings.json.refused')).toString(), text)
    assert.deepEqual((await read(box)).findings, [])
    assert.equal(box.household.current.site.name, 'Pump 9')
  }
})

test('a file that is spoiled under a box that runs does not bring back what was before: what runs is shown and saved', async () => {
  const box = await WebBox.claimed({ site: { name: 'Pump 7' } })
  const first = await read(box)
  await box.ask('PUT', '/api/settings', { ...first.settings, site: { name: 'Pump 8' } }, first.match)
  for (const spoil of [
    () => box.disk.write('data/settings.json', Buffer.from('{"site":{"nmae":"x"}}')),
    () => box.disk.write('data/settings.json', new Uint8Array()),
    () => box.disk.remove('data/settings.json'),
    async () => {
      box.disk.faults.unreadable = (path) => path.startsWith('data/settings.json')
    },
  ]) {
    await spoil()
    const { settings, findings, match } = await read(box)
    assert.equal((settings.site as { name: string }).name, 'Pump 8')
    assert.equal(findings[0]?.level, 'error')
    box.disk.faults = {}
    assert.equal((await box.ask('PUT', '/api/settings', settings, match)).status, 200)
  }
})
