import type { Facts, Level, Log } from '../log.ts'

/** The Log port on standard error: JSON lines, or one readable line on a terminal. */
export type LogOptions = {
  secrets(): string[]
  pretty: boolean
  level: Level
  write(line: string): void
  /** Keeps each line as JSON, whatever is written. */
  keep?(line: string): void
}

const levels: readonly Level[] = ['debug', 'info', 'warning', 'error']
/** A line that a careless device could make longer is cut. */
const lineLimit = 8192
/** Shorter secrets would blot out half the log. */
const shortestSecret = 4
const mask = '‹secret›'

export function nodeLog(options: LogOptions): Log {
  return (level, event, facts = {}) => {
    if (levels.indexOf(level) < levels.indexOf(options.level)) return
    const secrets = options.secrets()
    // First the mask: a secret that was cut or cleaned would not be known any more.
    const masked = (line: string) => clean(redact(line, secrets)).slice(0, lineLimit)
    const json = masked(JSON.stringify({ time: new Date().toISOString(), level, event, ...facts }))
    options.keep?.(json)
    options.write(`${options.pretty ? masked(prettyLine(level, event, facts)) : json}\n`)
  }
}

const prettyLine = (level: Level, event: string, facts: Facts): string => {
  const particulars = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return `${new Date().toISOString().slice(11, 19)} ${level === 'info' ? '' : `${level}: `}${event}${particulars.length > 0 ? `  ${particulars.join(' ')}` : ''}`
}

/** Control characters and marks that turn the direction of writing are shown as what they are. */
const clean = (line: string): string =>
  line.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** The longest first: one that another begins with would leave the rest of that. */
function redact(line: string, secrets: string[]): string {
  return secrets
    .filter((secret) => secret.length >= shortestSecret)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64')])
    .sort((a, b) => b.length - a.length)
    .reduce((masked, secret) => masked.replaceAll(secret, mask), line)
}
