import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { noLinks } from '../peers/link.ts'
import { Station } from '../peers/station.ts'
import { hoursAWeek } from './calendar.ts'
import { soak, type Verdict } from './soak.ts'

const names = { rss: 'RSS', descriptors: 'open descriptors', threads: 'threads', journal: 'journal', data: 'whole data directory' }

/** `npm run soak -- --hours 2 [--weeks-an-hour 1] [--seed N] [--write]`: exit 1 when anything was lost, doubled or grew. `--write` puts the result into docs/benchmarks.md. */
const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '2' },
    'weeks-an-hour': { type: 'string', default: '1' },
    'pause-ms': { type: 'string', default: '700' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    write: { type: 'boolean', default: false },
  },
})
const why = Station.missing() || noLinks()
if (why) {
  console.error(`A soak needs what .ci/run installs: ${why}.`)
  process.exit(2)
}
const realHours = Number(values.hours)
const weeks = realHours * Number(values['weeks-an-hour'])
if (!(realHours > 0 && weeks > 0)) {
  console.error('--hours and --weeks-an-hour must be numbers above 0, such as --hours 2.')
  process.exit(2)
}
const seed = Number(values.seed)
const began = Date.now()
const report = (line: string) => console.log(`${((Date.now() - began) / 60_000).toFixed(0).padStart(4)} min  ${line}`)
report(`${weeks} weeks in ${realHours} h, seed ${seed}`)
const verdict = await soak({ seconds: realHours * 3600, hours: weeks * hoursAWeek, seed, pauseMs: Number(values['pause-ms']), report })
const growing = verdict.trends.filter(({ flat }) => !flat).map(({ gauge }) => `${gauge} grows`)
const faults = [...verdict.faults, ...growing]
const text = tableOf(verdict)
console.log(`\n${text}\n${faults.slice(0, 40).join('\n')}`)
if (values.write && faults.length === 0) write(text)
process.exit(faults.length > 0 ? 1 : 0)

function tableOf({ trends, events, said, mails, digests, again, visits, readings, faults: broken }: Verdict): string {
  const counts = [...Map.groupBy(events, ({ blow }) => blow)].map(([blow, all]) => `${all.length} x ${blow}`).join(', ')
  const unit = { rss: 'MiB', descriptors: '', threads: '', journal: 'MiB', data: 'MiB' }
  const figure = (gauge: keyof typeof unit, value: number) => (unit[gauge] ? `${(value / 1_048_576).toFixed(1)} MiB` : String(value))
  return [
    `One run on ${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}, seed ${seed}: ${weeks} weeks of the calendar in ${realHours} h. ${said} alerts and mails were said by two boxes' sources and came as`,
    `${mails} mails, ${digests} of them digests, ${again} again (the same Message-ID and octets). ${broken.length} faults. What befell them: ${counts}; ${visits} visits to page and mailbox,`,
    `in which ${readings.mails} mails were read by POP3 (${readings.aged} grew too old meanwhile; ${(readings.slowestMs / 1000).toFixed(1)} s at most).`,
    '',
    '| the box that is left alone | second third | last third | most |',
    '|---|---|---|---|',
    ...trends.map(
      ({ gauge, early, late, most }) => `| ${names[gauge]} | ${figure(gauge, early)} | ${figure(gauge, late)} | ${figure(gauge, most)} |`,
    ),
  ].join('\n')
}

function write(section: string): void {
  const path = new URL('../../docs/benchmarks.md', import.meta.url).pathname
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(/<!-- soak -->[\s\S]*<!-- \/soak -->/, () => `<!-- soak -->\n${section}\n<!-- /soak -->`),
  )
}
