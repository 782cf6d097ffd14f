/**
 * Health: how the box is, in one sentence, and in one word for the lamp. The page, the log, systemd and the lamp say the same, because all of them ask here. An alert that is raised is
 * news of the site and no fault of the box.
 */
export type Condition = {
  /** Why nothing is done just now; undefined: the gateway works. */
  standsStill: string | undefined
  /** It did not start, and is tried again. */
  cannotStart: boolean
  /** No alert can be accepted. */
  readOnly: boolean
  /** Alerts that are raised. */
  active: number
  /** Sources that are not heard. */
  down: number
  /** Letters that may leave and have not. */
  waiting: number
  link: { up: boolean } | undefined
  /** Relays that do not take letters just now, and relays that are left alone until a person does something. */
  faulty: number
  held: number
  /** The supply gave too little within the last moments. */
  lowVoltage: boolean
  /** The storage says that it is nearly used up. */
  worn: boolean
}

/** In English; `{n}` stands for the number. The page has the German of each. */
export type Phrase =
  | 'The gateway is starting.'
  | 'The gateway does not start, and tries again.'
  | 'Nothing can be written: no alert is accepted.'
  | '{n} alerts are raised.'
  | 'One alert is raised.'
  | '{n} sources are not heard.'
  | 'One source is not heard.'
  | '{n} mails wait for the link.'
  | 'One mail waits for the link.'
  | '{n} mails wait.'
  | 'One mail waits.'
  | 'The link is away; nothing waits.'
  | 'A relay does not take mail.'
  | 'The power supply is too weak.'
  | 'The storage is nearly worn out.'
  | 'All well.'

export type Part = { say: Phrase; n?: number }
/** `waits`: it mends itself. `trouble`: somebody has to come. */
export type Mood = 'well' | 'waits' | 'trouble' | 'starting'
export type Health = { mood: Mood; parts: Part[] }

export function healthOf(condition: Condition): Health {
  if (condition.standsStill !== undefined && condition.cannotStart)
    return { mood: 'trouble', parts: [{ say: 'The gateway does not start, and tries again.' }] }
  if (condition.standsStill !== undefined) return { mood: 'starting', parts: [{ say: 'The gateway is starting.' }] }
  const parts = [...partsOf(condition)]
  return { mood: moodOf(condition), parts: parts.length > 0 ? parts : [{ say: 'All well.' }] }
}

export const sentenceOf = ({ parts }: Health): string => parts.map(({ say, n }) => say.replace('{n}', String(n))).join(' ')

function moodOf({ readOnly, down, held, lowVoltage, worn, waiting, link, faulty }: Condition): Mood {
  if (readOnly || down > 0 || held > 0 || lowVoltage || worn) return 'trouble'
  return waiting > 0 || faulty > 0 || link?.up === false ? 'waits' : 'well'
}

function* partsOf({ readOnly, active, down, waiting, link, faulty, lowVoltage, worn }: Condition): Generator<Part> {
  const away = link?.up === false
  if (readOnly) yield { say: 'Nothing can be written: no alert is accepted.' }
  if (active > 0) yield several(active, 'One alert is raised.', '{n} alerts are raised.')
  if (down > 0) yield several(down, 'One source is not heard.', '{n} sources are not heard.')
  if (waiting > 0 && away) yield several(waiting, 'One mail waits for the link.', '{n} mails wait for the link.')
  else if (waiting > 0) yield several(waiting, 'One mail waits.', '{n} mails wait.')
  else if (away) yield { say: 'The link is away; nothing waits.' }
  if (faulty > 0 && !away) yield { say: 'A relay does not take mail.' }
  if (lowVoltage) yield { say: 'The power supply is too weak.' }
  if (worn) yield { say: 'The storage is nearly worn out.' }
}

const several = (n: number, one: Phrase, many: Phrase): Part => ({ say: n === 1 ? one : many, n })
