import type { Limit, Result, Results } from './limits.ts'
import { costs, type LinkName, lanes, links, type Trial, wireSeconds } from './trials.ts'

/** The figures of one run as Markdown. */
export function tables(results: Results, checked: readonly Limit[]): string {
  return [linkTable(results), costTable(results), limitTable(checked)].join('\n\n')
}

const rows = (head: string[], body: string[][]): string =>
  [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

function linkTable(results: Results): string {
  const head = [
    '50 letters of 2 KB',
    'RTT 600 ms: first / all (s)',
    'turns',
    'connections',
    'octets up / down a letter',
    'RTT 600 ms, 64 kbit/s: all (s)',
    'the same with 2 % loss: all (s), lost',
    'RTT 50 ms: all (s)',
  ]
  const tried = lanes.flat().filter((trial) => trial.on.some((link) => results.has(`${trial.id}/${link}`)))
  const lines = tried.filter((trial, index) => tried.findIndex((other) => other.id === trial.id) === index)
  return rows(
    head,
    lines.map((trial) => [titleOf(trial), ...cellsOf(trial, results)]),
  )
}

const titleOf = (trial: Trial): string =>
  trial.letters === 50 || trial.digest ? trial.title : `${trial.title} (${trial.letters} letters only)`

function cellsOf(trial: Trial, results: Results): string[] {
  const on = (link: LinkName, say: (result: Result) => string): string => {
    const result = results.get(`${trial.id}/${link}`)
    return result ? say(result) : ''
  }
  return [
    on('satellite', ({ first, all }) => `${seconds(first)} / ${seconds(all)}`),
    on('satellite', ({ turns }) => String(turns)),
    on('satellite', ({ connections }) => String(connections)),
    on('satellite', ({ upPerLetter, downPerLetter }) => `${upPerLetter.toFixed(0)} / ${downPerLetter.toFixed(0)}`),
    on('thin', ({ all, letters }) =>
      trial.digest ? seconds(all) : `${seconds(all)} (${(all / wireSeconds(links.thin, letters)).toFixed(2)})`,
    ),
    on('lossy', ({ all, lost }) => `${seconds(all)}, ${lost}`),
    on('fast', ({ all }) => all.toFixed(2)),
  ]
}

const seconds = (value: number): string => (Number.isNaN(value) ? 'never' : value.toFixed(1))

function costTable(results: Results): string {
  const lines = costs.flatMap((trial) => {
    const result = results.get(`${trial.id}/none`)
    if (!result) return []
    const { cpuSeconds, letters, grown, all } = result
    return [[trial.title, ((cpuSeconds / letters) * 1000).toFixed(3), (grown / 1048576).toFixed(1), all.toFixed(1)]]
  })
  return rows(['10,000 letters of 2 KB, no delay', 'CPU of the client a letter (ms)', 'RSS grown by (MiB)', 'all (s)'], lines)
}

const limitTable = (checked: readonly Limit[]): string =>
  rows(
    ['promised', 'measured', 'at most', ''],
    checked.map(({ what, measured, atMost, holds }) => [what, short(measured), short(atMost), holds ? 'holds' : '**does not hold**']),
  )

const short = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(value < 1 ? 3 : 1))
