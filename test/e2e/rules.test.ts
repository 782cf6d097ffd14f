import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { Outpost } from '../peers/outpost.ts'
import { until } from '../peers/process.ts'
import { Station, stationSecrets } from '../peers/station.ts'

/** Rules over real peers: a level that is raised, told again, taken on and over; a preview; silences; all through kill -9. */
const skip = Station.missing()
const program = new URL('../../bin/outpost', import.meta.url).pathname
let station: Station
let outpost: Outpost

before(async () => {
  if (skip) return
  station = await Station.open()
  const settings = station.settings([])
  outpost = new Outpost(
    `${station.dir}/data`,
    {
      ...settings,
      people: [...settings.people, { id: 'night', name: 'Night', address: 'ops@example.org' }],
      rules: [
        { id: 'cellar', when: { key: 'cellar*' }, to: ['ops'] },
        { id: 'pumps', when: { key: 'pump-*', field: 'value > 80' }, clearBelow: 75, to: ['ops'], repeat: ['3s'] },
        { id: 'storm', when: { key: 'storm' }, to: ['ops'], limit: '3/h' },
      ],
    },
    stationSecrets,
  )
  outpost.begin()
  await until('the broker is reached', 20_000, () => outpost.log.includes('mqtt: up'))
})

after(async () => {
  if (skip) return
  await outpost?.stop()
  await station?.close()
})

const say = (alert: object) => assert.ok(station.mosquitto.publish('alerts/plc', JSON.stringify(alert), 1))
const subjects = async (): Promise<string[]> => (await station.letters()).map((mail) => /^Subject: (.*)\r?$/m.exec(mail)?.[1] ?? '')
const count = async (pattern: RegExp): Promise<number> => (await subjects()).filter((subject) => pattern.test(subject)).length

test('preview says the fields, the winning rule, why another did not win, and the whole mail', { skip, timeout: 30_000 }, () => {
  const seen = spawnSync(program, ['preview', '--source', 'field', '--topic', 'alerts/plc', '--data', outpost.data], {
    input: '{"key":"pump-3","text":"Pump 3 hot","value":81,"unit":"°C"}',
    encoding: 'utf8',
  })
  assert.equal(seen.status, 0, seen.stderr)
  assert.match(seen.stdout, /^decoder: outpost$/m)
  assert.match(seen.stdout, /^not rule cellar: .*key/m)
  assert.match(seen.stdout, /^rule: pumps$/m)
  assert.match(seen.stdout, /^Subject: Pump station 7: Warning: Pump 3 hot/m)
})

test('a level is told when it is raised, reminded of until somebody takes it on, and told when it is over; kill -9 changes nothing', {
  skip,
  timeout: 120_000,
}, async () => {
  say({ key: 'pump-3', text: 'Pump 3 hot', value: 81 })
  await until('it is told', 30_000, async () => (await count(/Pump 3 hot/)) >= 1)
  await until('it is told again', 30_000, async () => (await count(/Still active/)) >= 1)
  await outpost.kill()
  outpost.begin()
  await until('it is told again after the kill', 40_000, async () => (await count(/Still active/)) >= 2)
  const id = /^\s*(\d+) .*Pump 3 hot/m.exec(outpost.command('alerts'))?.[1]
  assert.ok(id, outpost.command('alerts'))
  outpost.command('alerts', 'ack', id, '--by', 'Kim')
  await until('the page and the command line agree', 10_000, () => /Kim/.test(outpost.command('alerts')))
  const before = await count(/Still active/)
  say({ key: 'pump-3', text: 'Pump 3 warm', value: 78 })
  say({ key: 'pump-3', text: 'Pump 3 hot', value: 82 })
  say({ key: 'pump-3', text: 'Pump 3 cool', value: 70 })
  await until('it is over', 30_000, async () => (await count(/CLEARED/)) === 1)
  assert.ok((await count(/Still active/)) <= before + 1, 'at most the reminder that was on its way')
  assert.doesNotMatch(outpost.command('alerts'), /Pump 3/)
})

test('a storm is told three times, and the rest together', { skip, timeout: 60_000 }, async () => {
  for (let i = 1; i <= 30; i++) say({ key: 'storm', text: `Door ${i}` })
  await until('three are told', 30_000, async () => (await count(/Door \d+/)) >= 3)
  await until('the others are kept', 20_000, () => /^27 kept by the rules/m.test(outpost.command('alerts')))
  assert.equal(await count(/Door \d+/), 3)
})
