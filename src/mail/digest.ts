import { type KeptWhy, rank, type Severity, severities } from '../alert/alert.ts'
import { cleanLine } from '../alert/clean.ts'
import { numbersIn, rangesOf } from '../alert/ranges.ts'
import type { Instant } from '../ports/clock.ts'

/**
 * Digest: what an outage kept back, as one text that nobody has to sort: what is still active, what came and went, what happened, and the numbers
 * of all of it. Pure.
 */
export type Told = {
  /** Journal position. */
  id: number
  source: string
  number: number
  key?: string
  state: 'raised' | 'cleared' | 'event'
  severity: Severity
  text: string
  at: Instant
  /** The device knows this time. */
  certain: boolean
  /** A reminder: its number was told before, or stands here beside it. */
  again?: boolean
  /** What it raised is over, whether its end stands here beside it or was told elsewhere. */
  ended?: boolean
  /** Numbers of this source that its letter would have told beside its own. */
  merged?: string
  /** Whose it is: the same key may be raised by several rules. */
  rule?: string
  /** Rules beside that one for which what they raised of this key is over with this. */
  over?: readonly string[]
  /** A clear of which the rules knew no beginning: it is the end of whatever stands here of its key. */
  endsAll?: boolean
  /** Journal position of what it tells, where that had been kept. */
  heardAs?: number
}

export type Digest = {
  subject: string
  text: string
  /** The worst that it tells. */
  severity: Severity
  /** Positions of what it tells for good. */
  covers: number[]
  /** Positions of what it says to stand, also of what has letters of its own. */
  names: number[]
}

export type DigestAbout = {
  site: { name: string; timeZone: string; language: 'en' | 'de' }
  maxChars: number
  /** Why they are told together; an outage when left out. */
  occasion?: KeptWhy
}

/** `told` in the order of their acceptance, at least one; one alone is over. After an outage, critical alerts that are still active are named, and keep letters of their own. */
export function digestOf(told: readonly Told[], about: DigestAbout): Digest {
  const say = words[about.site.language]
  const { active, over, events } = sorted(told)
  const critical = about.occasion ? [] : active.filter((one) => one.severity === 'critical')
  const single = new Set(critical.map((one) => one.id))
  const time = clockOf(about.site.timeZone)
  const sections: [string, string[]][] = [
    [
      say.active,
      active.map((one) => row(time.at(one), one, `${say[one.severity]}: `, single.has(one.id) ? `#${one.number}, ${say.own}` : undefined)),
    ],
    [say.over, over.map((run) => overRow(run, time, say))],
    [
      say.events,
      events.map((run) =>
        row(
          time.span(run[0], run.at(-1) ?? run[0]),
          run[0],
          `${say[run[0].severity]}: ${run.length > 1 ? `${run.length} x ` : ''}`,
          numbersOf(run),
        ),
      ),
    ],
  ]
  const [first, last] = [told[0], told.at(-1)]
  const head = first && last ? `${say.head(told.length, say.why[about.occasion ?? 'outage'])}: ${time.span(first, last)}.` : ''
  const ledger = `${say.numbers}: ${ledgerOf(told, single)}`
  const text = [head, '', ...fit(sections, about.maxChars - head.length - ledger.length, say.more), ledger].join('\n')
  return {
    subject: cleanLine(
      `${about.site.name}: ${say.subject(told.length, say.after[about.occasion ?? 'outage'], active.length)}`,
      subjectChars,
    ),
    text,
    severity: severities[Math.min(...told.map((one) => rank(one.severity)))] ?? 'warning',
    covers: told.filter((one) => !single.has(one.id)).map((one) => one.id),
    names: active.map((one) => one.id),
  }
}

const subjectChars = 150
const lineChars = 160

type Run = [Told, ...Told[]]

/**
 * By source, key and rule: raised and not cleared, as the newest raise says it that does not only tell again; raised and cleared as pairs of the first raise and the clear, or the one of both that is
 * told here where the other was told elsewhere; all else, the same text of one source as one run. What takes over from another rule, or just happens and is the end of what that raised, ends it in
 * such a pair, and stands where it stands by itself as well.
 */
function sorted(told: readonly Told[]): { active: Told[]; over: Run[]; events: Run[] } {
  const open = new Map<string, Map<string, Run>>()
  const active: Told[] = []
  const over: Run[] = []
  const happened: Told[] = []
  const close = ([first, ...others]: Run, clear?: Told) => {
    over.push(clear ? [first, clear] : [first])
    happened.push(...others)
  }
  for (const one of told.toSorted(asHeard)) {
    if (one.key === undefined) {
      happened.push(one)
      continue
    }
    const key = `${one.source}\0${one.key}`
    const runs = open.get(key) ?? new Map<string, Run>()
    open.set(key, runs)
    const own = one.rule ?? ''
    const ended = endedBy(one, runs)
    const [first, ...others] = ended.flatMap((rule) => runs.get(rule) ?? []).sort(asHeard)
    for (const rule of ended) runs.delete(rule)
    if (first) close([first, ...others], one)
    const raises = runs.get(own)
    if (one.state === 'event') happened.push(one)
    else if (one.state === 'cleared') {
      if (!first) over.push([one])
    } else if (raises && (one.ended || !raises.at(-1)?.ended)) raises.push(one)
    else {
      if (raises) close(raises)
      runs.set(own, [one])
    }
  }
  for (const raises of [...open.values()].flatMap((runs) => [...runs.values()])) {
    if (raises.at(-1)?.ended) close(raises)
    else {
      const newest = raises.findLast((one) => !one.again) ?? raises[0]
      active.push(newest)
      happened.push(...raises.filter((one) => one !== newest))
    }
  }
  const worstFirst = (a: Told, b: Told) => rank(a.severity) - rank(b.severity) || a.id - b.id
  const runs = Map.groupBy(
    happened.sort((a, b) => a.id - b.id),
    (one) => `${one.source}\0${one.severity}\0${one.text}`,
  )
  return { active: active.sort(worstFirst), over, events: [...runs.values()] as Run[] }
}

/** What was kept is told later than it was heard, and says nothing of what came in between. */
const asHeard = (a: Told, b: Told): number => (a.heardAs ?? a.id) - (b.heardAs ?? b.id)

/** Rules of which it ends what they raised of its key. */
function endedBy({ state, rule = '', over = [], endsAll }: Told, runs: ReadonlyMap<string, Run>): string[] {
  if (endsAll) return [...runs.keys()]
  return [...(state === 'cleared' ? [rule] : []), ...over]
}

/** A pair is one line: what was said when it came, and when it went. */
function overRow(run: Run, time: Times, say: Words): string {
  const [first] = run
  const last = run.at(-1) ?? first
  const text = firstLine(first) === firstLine(last) ? firstLine(first) : `${firstLine(first)} -> ${firstLine(last)}`
  return line(`${time.span(first, last)} ${say[first.severity]}: ${text} (${first.source} ${numbersOf(run)})`)
}

const firstLine = (one: Told): string => one.text.split('\n')[0] ?? ''
const line = (text: string): string => cleanLine(text, lineChars)

const row = (when: string, one: Told, mark: string, numbers = `#${one.number}`): string =>
  line(`${when} ${mark}${firstLine(one)} (${one.source} ${numbers})`)

const numbersOf = (of: readonly Told[]): string => {
  const numbers = of.map((one) => one.number)
  return numbers.length > 4 ? `#${numbers[0]} ... #${numbers.at(-1)}` : numbers.map((number) => `#${number}`).join(' ')
}

/** `plc #17-#55 #58, broker #3`: whoever misses a number looks here. What a `single` letter tells beside its own number stands in that one. */
function ledgerOf(told: readonly Told[], single: ReadonlySet<number>): string {
  const bySource = Map.groupBy(
    told.filter((one) => !one.again),
    (one) => one.source,
  )
  return [...bySource]
    .map(
      ([source, ones]) =>
        `${source} ${rangesOf(ones.flatMap((one) => [one.number, ...(single.has(one.id) ? [] : numbersIn(one.merged ?? ''))]))}`,
    )
    .join(', ')
}

/** What is still active comes first and is cut last; what does not fit is counted, and its numbers stand in the ledger. */
function fit(sections: [string, string[]][], chars: number, more: (count: number) => string): string[] {
  const lines: string[] = []
  let left = chars
  for (const [title, rows] of sections) {
    if (rows.length === 0) continue
    lines.push(`${title} (${rows.length})`)
    let shown = 0
    for (const text of rows) {
      if (left < text.length + 1) break
      left -= text.length + 1
      lines.push(text)
      shown++
    }
    if (shown < rows.length) lines.push(more(rows.length - shown))
    lines.push('')
  }
  return lines
}

type Times = { at(one: Told): string; span(from: Told | undefined, to: Told): string }

/** Times of one site; the date only where it changes what is meant, `~` where the clock was not set. */
function clockOf(timeZone: string): Times {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' })
  const parts = (one: Told): [string, string] => {
    const [date = '', time = ''] = format.format(one.at).split(' ')
    return [date, `${one.certain ? '' : '~'}${time}`]
  }
  const at = (one: Told) => parts(one).join(' ')
  const span = (from: Told | undefined, to: Told) => {
    if (!from || from.id === to.id) return at(to)
    const [[day, begin], [lastDay, end]] = [parts(from), parts(to)]
    return day === lastDay ? `${day} ${begin}-${end}` : `${day} ${begin} - ${lastDay} ${end}`
  }
  return { at, span }
}

const words = {
  en: {
    critical: 'CRITICAL',
    warning: 'Warning',
    info: 'Info',
    active: 'Still active',
    over: 'Came and went',
    events: 'Happened',
    own: 'has a letter of its own',
    numbers: 'Numbers told here',
    head: (count: number, why: string) => (count === 1 ? '1 alert, which is over by now' : `${count} alerts ${why}`),
    why: {
      outage: 'waited for the link',
      hold: 'are told together',
      group: 'are told together',
      limit: 'were more than the limit of their rule allowed one by one',
      quiet: 'waited until somebody was on duty',
      silence: 'came while they were silenced',
      inhibited: 'came while another alert explained them',
      chatter: 'came and went too often to be told one by one',
      over: 'were over before they had to be told',
    },
    after: {
      outage: 'after an outage',
      hold: 'together',
      group: 'together',
      limit: 'beyond the limit',
      quiet: 'of the quiet hours',
      silence: 'of the silence',
      inhibited: 'held back by another',
      chatter: 'of what chatters',
      over: 'of short duration',
    },
    more: (count: number) => `... and ${count} more, which the numbers below name`,
    subject: (count: number, after: string, active: number) =>
      count === 1 ? `1 alert ${after}, over by now` : `${count} alerts ${after}, ${active === 0 ? 'none' : active} still active`,
  },
  de: {
    critical: 'KRITISCH',
    warning: 'Warnung',
    info: 'Info',
    active: 'Noch aktiv',
    over: 'Kam und ging',
    events: 'Ereignisse',
    own: 'hat einen eigenen Brief',
    numbers: 'Hier genannte Nummern',
    head: (count: number, why: string) => (count === 1 ? '1 Alarm, der inzwischen vorbei ist' : `${count} Alarme ${why}`),
    why: {
      outage: 'warteten auf die Verbindung',
      hold: 'zusammen',
      group: 'zusammen',
      limit: 'waren mehr, als ihre Regel einzeln erlaubt',
      quiet: 'warteten, bis jemand im Dienst war',
      silence: 'kamen, während sie stumm geschaltet waren',
      inhibited: 'kamen, während ein anderer Alarm sie erklärte',
      chatter: 'kamen und gingen zu oft, um einzeln gemeldet zu werden',
      over: 'waren vorbei, bevor sie zu melden waren',
    },
    after: {
      outage: 'nach einer Unterbrechung',
      hold: 'zusammen',
      group: 'zusammen',
      limit: 'über der Grenze',
      quiet: 'aus der Ruhezeit',
      silence: 'aus der Stummschaltung',
      inhibited: 'wegen eines anderen zurückgehalten',
      chatter: 'einer flatternden Meldung',
      over: 'von kurzer Dauer',
    },
    more: (count: number) => `... und ${count} weitere, deren Nummern unten stehen`,
    subject: (count: number, after: string, active: number) =>
      count === 1 ? `1 Alarm ${after}, inzwischen vorbei` : `${count} Alarme ${after}, ${active === 0 ? 'keiner' : active} noch aktiv`,
  },
} as const

type Words = (typeof words)[keyof typeof words]
