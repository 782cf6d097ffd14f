import type { Mutant } from './changes.ts'

/** Changes that no test needs to notice, and why. `was` and `is`: the changed lines as `npm run mutations:all` prints them. */
export type Argument = { file: string; was: string; is: string; why: string }

export const argued: readonly Argument[] = [
  {
    file: 'src/queue/budget.ts',
    was: 'const minuteMs = 60_000',
    is: 'const minuteMs = 30000',
    why: 'the search for the end of the day goes in half minutes then, and finds the same minute: days end at whole ones',
  },
  {
    file: 'src/queue/journal.ts',
    was: 'this.#noteTimer?.()',
    is: ';',
    why: 'a timer that is left over fires once: it finds nothing to write, or notes that go a little earlier',
  },
  {
    file: 'src/queue/replay.ts',
    was: "if (standing.damaged > 0) shelf.log('error', 'journal: damaged stretches were skipped', { stretches: standing.damaged })",
    is: "if (standing.damaged <= 0) shelf.log('error', 'journal: damaged stretches were skipped', { stretches: standing.damaged })",
    why: 'it is a line of the log; what was damaged is counted and told in a notice besides',
  },
  {
    file: 'src/queue/rows.ts',
    was: 'this.#sorted = true',
    is: ';',
    why: 'it is sorted again at each look, which takes time and changes nothing',
  },
  {
    file: 'src/relay/dialogue/chain.ts',
    was: 'const aboard: Aboard = { letter, end: 0, answers: new Map() }',
    is: 'const aboard: Aboard = { letter, end: 1, answers: new Map() }',
    why: 'on first contact nobody looks at the end before sayLast has set it',
  },
  {
    file: 'src/relay/dialogue/content.ts',
    was: 'let more = 5',
    is: 'let more = 6',
    why: 'it is room in a buffer of which only what was written is given on',
  },
  {
    file: 'src/relay/probe/line.ts',
    was: 'return { lost: fault.why, fault, ...(fault.code === undefined ? {} : { code: fault.code }) }',
    is: 'return { lost: fault.why, fault, ...(fault.code === undefined && false ? {} : { code: fault.code }) }',
    why: 'a code that is not there and one that is undefined are read alike',
  },
  {
    file: 'src/rules/hours.ts',
    was: 'searched.set(hours, { at, next, timeZone, holidays })',
    is: ';',
    why: 'it spares a search; the answer is the same',
  },
  {
    file: 'src/rules/situation.ts',
    was: '...(one.lastTold === undefined ? {} : { lastTold: one.lastTold + shift }),',
    is: '...(one.lastTold === undefined && false ? {} : { lastTold: one.lastTold + shift }),',
    why: 'when it was last told is looked at only where it was told, and then it is a number',
  },
]

export const argumentFor = ({ file, was, is }: Pick<Mutant, 'file' | 'was' | 'is'>): string | undefined =>
  argued.find((one) => one.file === file && one.was === was && one.is === is)?.why
