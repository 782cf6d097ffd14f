import { mkdtempSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { stampNow } from '../../src/alert/stamp.ts'
import { Diary } from '../../src/gateway/diary.ts'
import { intake } from '../../src/gateway/intake.ts'
import { Registrar } from '../../src/gateway/registrar.ts'
import { besideOf } from '../../src/gateway/roster.ts'
import { instant } from '../../src/ports/clock.ts'
import { silent } from '../../src/ports/log.ts'
import { nodePorts } from '../../src/ports/node.ts'
import { momentOf } from '../../src/queue/moment.ts'
import { Queue } from '../../src/queue/queue.ts'
import { decide } from '../../src/rules/decide.ts'
import { compileRules } from '../../src/rules/match.ts'
import { nowBy, rosterOf } from '../../src/rules/roster.ts'
import type { Rule } from '../../src/rules/rule.ts'
import { Standing } from '../../src/rules/standing.ts'
import { Trails } from '../../src/rules/trail.ts'

/**
 * `intake.ts DIR RULES PRODUCERS`: CPU of the process for a line from its octets to its record on the disk, so many at a time, as JSON
 * `{ intakeUs, decideUs, syncUs }`; `syncUs` is what a bare write with fdatasync of such a record costs. The last of RULES rules takes it.
 */
const [dir = '', ruleCount = '10', producers = '1'] = process.argv.slice(2)
const count = 4000
const { clock, disk } = nodePorts({ level: 'error' })
const rules: Rule[] = Array.from({ length: Number(ruleCount) }, (_, index) => ({
  id: `r${index}`,
  when:
    index % 3 === 0 ? { text: `(?i)never ${index}` } : index % 3 === 1 ? { key: `pump-${index}*` } : { field: `value > ${1000 + index}` },
  to: ['ops'],
}))
rules.push({ id: 'last', when: {}, to: ['ops'], limit: { count: 200, spanMs: 3_600_000 } })
const roster = rosterOf(compileRules(rules), { fallback: 'ops', hoursOf: () => undefined, timeZone: 'Europe/Berlin', holidays: [] })
const standing = new Standing({
  now: () => clock.monotonic(),
  stamp: () => stampNow(clock),
  momentOf: (stamp) => momentOf(stamp, clock),
  remembers: () => ({ letters: 200, changes: 0 }),
  groupOf: () => '',
})
const queue = await Queue.open({
  disk,
  clock,
  log: silent,
  dir: mkdtempSync(`${dir}/intake-`),
  maxMiB: 64,
  beside: besideOf(standing, new Diary()),
})
const now = () => nowBy(clock, instant(0))
const registrar = new Registrar({
  clock,
  log: silent,
  queue,
  trails: new Trails(),
  decide: (alert) => decide(alert, standing, roster, now()),
  onAccepted: (id) => void queue.mark(id, { kind: 'delivered', to: ['ops'] }),
  onChanged: () => {},
})
const take = intake({ log: silent, offer: (reading, heard) => registrar.offer(reading, heard), decoderOf: () => 'auto' })
const line = (i: number) =>
  Buffer.from(
    JSON.stringify({
      id: `a-${i}`,
      key: 'boiler',
      severity: 'warning',
      text: `Boiler ${i} at 81.2 °C`,
      value: 81.2,
      unit: '°C',
      pump: 'on',
      level: i,
    }),
  )
/** CPU in microseconds a time. */
async function cost(times: number, deed: (i: number) => unknown, together = 1): Promise<number> {
  let next = 0
  const before = process.cpuUsage()
  await Promise.all(
    Array.from({ length: together }, async () => {
      for (let i = next++; i < times; i = next++) await deed(i)
    }),
  )
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}

const alert = { source: 'plc', key: 'boiler', severity: 'warning', state: 'event', text: 'Boiler at 81.2 °C', value: 81.2 } as const
const say = (i: number) => take({ source: 'plc', bytes: line(i) })
await cost(500, (i) => say(i + count))
const intakeUs = await cost(count, say, Number(producers))
await cost(200, () => decide(alert, standing, roster, now()))
const decideUs = await cost(1000, () => decide(alert, standing, roster, now()))
const file = await open(`${dir}/bare`, 'w')
await file.write(Buffer.alloc(1_048_576))
await file.sync()
const record = Buffer.alloc(700)
const syncUs = await cost(1000, async (i) => {
  await file.write(record, 0, record.length, i * record.length)
  await file.datasync()
})
console.log(JSON.stringify({ intakeUs, decideUs, syncUs }))
await queue.close()
process.exit(0)
