import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noLinks } from '../peers/link.ts'
import { Station } from '../peers/station.ts'
import { SimRandom } from '../sim/world/random.ts'
import { calendar, hoursAWeek } from './calendar.ts'
import { gauges, type Sample, trends } from './gauges.ts'
import { soak } from './soak.ts'
import { Told } from './told.ts'

const MiB = 1_048_576
const samples = (grow: Partial<Record<keyof Sample, number>>): Sample[] =>
  Array.from({ length: 90 }, (_, i) => ({
    hour: i,
    rss: 100 * MiB + (i % 7) * MiB + i * (grow.rss ?? 0),
    descriptors: 30 + (i % 3) + Math.floor(i * (grow.descriptors ?? 0)),
    threads: 9,
    journal: 3 * MiB + i * (grow.journal ?? 0),
    data: 8 * MiB + i * (grow.data ?? 0),
  }))
const growing = (of: Sample[]): string[] => trends(of).flatMap(({ gauge, flat }) => (flat ? [] : [gauge]))

test('what swings is flat, and what creeps is found: memory, descriptors, journal and data', () => {
  assert.deepEqual(growing(samples({})), [])
  assert.deepEqual(growing(samples({ rss: MiB / 2 })), ['rss'])
  assert.deepEqual(growing(samples({ descriptors: 0.3 })), ['descriptors'])
  assert.deepEqual(growing(samples({ journal: MiB / 8, data: MiB / 3 })), ['journal', 'data'])
  assert.deepEqual(growing(samples({}).slice(0, 8)), [...gauges], 'eight samples prove nothing')
})

test('a calendar of two weeks has every blow in it, in order, and is over in time', () => {
  const events = calendar(2 * hoursAWeek, new SimRandom(7))
  assert.deepEqual([...new Set(events.map(({ blow }) => blow))].sort(), [
    'broker',
    'cable',
    'clock',
    'kill',
    'link far',
    'link near',
    'relay',
    'settings',
    'stop',
  ])
  for (const [index, { atHour, hours }] of events.entries()) {
    assert.ok(atHour >= (events[index - 1]?.atHour ?? 0))
    assert.ok(atHour + hours <= 2 * hoursAWeek)
  }
})

const letter = (messageId: string, headers: string, text: string, before = ''): Buffer =>
  Buffer.from(`${before}Received: by a.example\r\nMessage-ID: <${messageId}>\r\n${headers}\r\n\r\n${text}\r\n`)

test('the books of a soak show what is missing, what was told twice and what came again', async () => {
  const told = new Told()
  const sites = ['a.example']
  const one = 'X-Outpost-Source: plc\r\nX-Outpost-Number: '
  await told.take(letter('1@a.example', `${one}1`, 'soak.\r\n\r\n#1'), sites)
  await told.take(letter('1@a.example', `${one}1`, 'soak.\r\n\r\n#1', 'Received: from b\r\n'), sites)
  await told.take(letter('4@a.example', `${one}4`, 'soak.\r\n\r\n#4, previous #1, also told here: #2'), sites)
  await told.take(
    letter('9@a.example', 'X-Outpost-Source: outpost\r\nX-Outpost-Number: 1', 'Numbers told here: field\r\n#1-#3 #5, plc #4 #6'),
    sites,
  )
  await told.take(letter('c-1@camera.lan', 'Subject: c', 'Motion.'), sites)
  assert.deepEqual(told.missing('a.example', 'plc', 7), [3, 5, 7])
  assert.deepEqual(told.missing('a.example', 'field', 5), [4])
  assert.deepEqual([told.count('a.example', 'outpost'), told.last('a.example', 'plc')], [1, 6])
  assert.deepEqual(told.twice, ['a.example plc #4: <4@a.example> <9@a.example>'])
  assert.deepEqual([told.again, told.unlike, told.digests, told.passedOn('<c-1@camera.lan>')], [1, [], 1, 1])
  await told.take(letter('1@a.example', `${one}1`, 'soak!\r\n\r\n#1'), sites)
  assert.deepEqual(told.unlike, ['<1@a.example>'])
})

test('two hours of a soak in half a minute: nothing is lost and nothing twice', {
  skip: Station.missing() || noLinks(),
  timeout: 400_000,
}, async (t) => {
  const seed = Date.now() % 1e9
  t.diagnostic(`seed ${seed}`)
  const { faults, said, mails, events, visits } = await soak({
    seconds: 30,
    hours: 36,
    seed,
    pauseMs: 300,
    report: (line) => t.diagnostic(line),
  })
  t.diagnostic(`${said} said, ${mails} mails, ${events.length} blows`)
  assert.deepEqual(faults, [])
  assert.ok(said > 100 && mails > 20 && visits > 2)
})
