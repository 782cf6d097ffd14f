import type { Stamp } from './stamp.ts'

/** From worst to least. */
export const severities = ['critical', 'warning', 'info'] as const
export type Severity = (typeof severities)[number]

/** 0 for critical, 1 for warning, 2 for info: the order in which letters leave. */
export const rank = (severity: Severity): number => severities.indexOf(severity)

export const states = ['raised', 'cleared', 'event'] as const
export type AlertState = (typeof states)[number]

export type FieldValue = string | number | boolean | null

/**
 * What a decoder makes of the bytes: every member optional but `text`. Strings are clean (see `clean.ts`): no control characters but
 * newline in `text`, bounded in length.
 */
export type Reading = {
  text: string
  id?: string
  key?: string
  state?: AlertState
  severity?: Severity
  value?: number
  unit?: string
  /** What the device said of the time, as it said it. */
  at?: string
  fields?: Record<string, FieldValue>
}

/** An alert as the journal keeps it. */
export type Alert = Reading & {
  source: string
  /** Counts the accepted alerts of this source from 1, without a gap. */
  number: number
  state: AlertState
  severity: Severity
  stamp: Stamp
  topic?: string
  /** The rule that took it; undefined when none matched and it goes to the first person. */
  rule?: string
  /** Whom it is for: ids of people, or addresses. 1 to 32. Resolved to addresses when the letter flies. */
  to: string[]
  /** Whom it is for beside those, and who is not on duty now. */
  offDuty?: string[]
  /** Given by `outpost send --subject`. */
  subject?: string
  /** Number of the alert of this source that the same people were told before this one. */
  previous?: number
  /** Journal position of the alert that raised what this one clears or tells again: they make one thread. */
  parent?: number
  /** Journal positions of the alerts that this one tells for the same people: they are merged into it. */
  covers?: number[]
  /** What of those, and of others that it says to stand, has begun and is not over: position, CRC-32 of source and key, rank of the severity. What clears it waits for this letter. */
  begun?: (readonly [id: number, topic: number, rank: number])[]
  /** Journal positions of letters that waited then and say to stand what those clear: this letter waits for them. */
  after?: number[]
  /** Names the transmission on a wire that may repeat it (MQTT with QoS above 0). */
  transmission?: string
  /** The wire uses that name again soon, also for the same content. */
  fleeting?: boolean
  /** Rules beside `rule` for which what they were raised for is over with this. */
  over?: string[]
  /** Names of what the level measures that raised it. */
  level?: string[]
  /** It just happened, and is the end of what somebody was told. */
  ends?: true
  /** Not told on its own, or not yet: why the rules keep it. */
  kept?: KeptWhy
  /** Not heard but made by the rules, about an alert that was: which kind of letter this is. */
  telling?: Telling
  /** Numbers of this source that this letter tells beside its own, such as `#12-#17 #19`. */
  merged?: string
  /** The value in the last day, oldest first: seconds before the stamp, and the value. At most 48. */
  trail?: [agoS: number, value: number][]
  /** The octets as they were heard, in base64, where the source attaches them. */
  raw?: string
  /** It was written while no gateway ran: no sign of its life. */
  standstill?: true
  /** A mail that is passed on as it is; the alert is what it says, for the page and the log. */
  enclosed?: Enclosed
}

/** A mail that was handed over to be passed on: where its octets lie, and what is known of its way here (RFC 5321 section 4.4). */
export type Enclosed = {
  /** In the spool. */
  file: string
  bytes: number
  /** CRC-32 of all octets. */
  crc: number
  /** Its envelope sender; empty for the null reverse-path. */
  from: string
  /** Who handed it over: an address, without brackets. */
  by: string
  /** How, such as ESMTPS (RFC 3848). */
  with: string
}

/**
 * `hold`: it has not lasted long enough. `group`: others may come. `limit`: the rule has told enough for now. `quiet`: nobody is on duty. `silence`: a person
 * asked for it. `inhibited`: another alert explains it. `chatter`: it comes and goes. `over`: it is over, and was never told.
 */
export const keptWhys = ['hold', 'group', 'limit', 'quiet', 'silence', 'inhibited', 'chatter', 'over'] as const
export type KeptWhy = (typeof keptWhys)[number]

/**
 * `raised`: what was held has lasted. `reminder`: it still lasts. `escalation`: it lasts and nobody has acknowledged it. `recovery`: it is over; the only kind
 * that is an alert of its own. `summary`: several alerts in one letter; subject and text are those of the record.
 */
export type Telling = {
  kind: 'raised' | 'reminder' | 'escalation' | 'recovery' | 'summary'
  /** When the rules made this letter; its alert is as old as its stamp. */
  made?: Stamp
  /** When it was raised. */
  since?: Stamp
  /** Of a reminder: 1 for the first. */
  count?: number
}

/** Limits on what one alert may hold; see docs/promises.md. */
export const alertLimits = {
  textChars: 8192,
  idChars: 200,
  keyChars: 200,
  unitChars: 32,
  atChars: 64,
  fields: 64,
  fieldChars: 1024,
  topicChars: 1024,
  recipients: 32,
}
