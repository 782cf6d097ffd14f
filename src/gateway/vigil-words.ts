import type { Settled } from '../queue/mark.ts'

/** What the box says of itself. */
const minutes = (ms: number): string =>
  ms < 120_000 ? `${Math.round(ms / 1000)} s` : ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`

const english = {
  silent: (source: string, ms: number) => `Nothing heard from ${source} for ${minutes(ms)}`,
  speaks: (source: string) => `${source} is heard again`,
  /** `isThere`: the source itself is. */
  unwatched: (source: string, isThere: boolean) =>
    `Nobody watches ${source} any more: ${isThere ? 'silentAfter is no longer in its settings' : 'it is no longer in the settings'}`,
  off: (last: string, on: string, waiting: number) =>
    `The box was off without a goodbye.\nLast sign of life: ${last}. On again: ${on}.\n${waiting} alerts were waiting; none of them is lost.`,
  killed: (last: string, waiting: number) =>
    `The gateway ended without a goodbye and runs again.\nLast sign of life: ${last}.\n${waiting} alerts were waiting; none of them is lost.`,
  alive: 'The box is alive.',
  came: (source: string, from: number, to: number) => `${source}: ${to - from + 1} alerts, #${from}-#${to}`,
  nothing: 'No alerts came in.',
  /** `of`: to how many recipients this happened since the last letter. */
  settled: (of: (how: Settled) => number) =>
    `Recipients: ${of('delivered')} delivered, ${of('merged')} merged, ${of('refused')} refused, ${of('expired')} expired${of('dropped') > 0 ? `, ${of('dropped')} dropped by hand` : ''}.`,
  standing: (waiting: number, kept: number, active: number) =>
    `${waiting} letters wait, ${kept} alerts are kept by the rules, ${active} are raised.`,
  over: (letter: number) =>
    `Your answer to letter o${letter} changed nothing.\nWhat that letter told is over already, or is not known any more. Answer STATUS to hear how things stand.`,
  tooMany: (letter: number, raised: number, silenced: number) =>
    `Your answer to letter o${letter} silenced ${silenced} alerts, the worst and oldest.\n${raised} of those that it told are raised; the others go on. Those are silenced on the page.`,
  lost: (damaged: number) =>
    damaged === 0 ? '0 lost.' : `${damaged} places in the journal could not be read; see the notices in the mailbox.`,
}

type Words = typeof english

const german: Words = {
  silent: (source, ms) => `Seit ${minutes(ms)} nichts von ${source} gehört`,
  speaks: (source) => `${source} ist wieder zu hören`,
  unwatched: (source, isThere) =>
    `Niemand überwacht ${source} mehr: ${isThere ? 'silentAfter steht nicht mehr in den Einstellungen der Quelle' : 'die Quelle steht nicht mehr in den Einstellungen'}`,
  off: (last, on, waiting) =>
    `Das Gerät war ohne Abmeldung aus.\nLetztes Lebenszeichen: ${last}. Wieder an: ${on}.\n${waiting} Alarme warteten; keiner ging verloren.`,
  killed: (last, waiting) =>
    `Das Gateway endete ohne Abmeldung und läuft wieder.\nLetztes Lebenszeichen: ${last}.\n${waiting} Alarme warteten; keiner ging verloren.`,
  alive: 'Das Gerät lebt.',
  came: (source, from, to) => `${source}: ${to - from + 1} Alarme, #${from}-#${to}`,
  nothing: 'Es kamen keine Alarme.',
  settled: (of) =>
    `Empfänger: ${of('delivered')} zugestellt, ${of('merged')} zusammengefasst, ${of('refused')} abgelehnt, ${of('expired')} verfallen${of('dropped') > 0 ? `, ${of('dropped')} von Hand verworfen` : ''}.`,
  standing: (waiting, kept, active) => `${waiting} Briefe warten, ${kept} Alarme halten die Regeln zurück, ${active} stehen an.`,
  over: (letter) =>
    `Ihre Antwort auf Brief o${letter} hat nichts geändert.\nWas dieser Brief meldete, ist schon vorbei oder nicht mehr bekannt. Antworten Sie STATUS, um zu hören, wie es steht.`,
  tooMany: (letter, raised, silenced) =>
    `Ihre Antwort auf Brief o${letter} hat ${silenced} Alarme stumm geschaltet, die schlimmsten und ältesten.\n${raised} von denen, die er meldete, stehen an; die anderen gehen weiter. Jene lassen sich auf der Seite stumm schalten.`,
  lost: (damaged) =>
    damaged === 0 ? '0 verloren.' : `${damaged} Stellen im Journal waren nicht zu lesen; siehe die Hinweise im Postfach.`,
}

export const wordsOf = (language: 'en' | 'de'): Words => (language === 'de' ? german : english)
