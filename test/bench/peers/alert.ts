/** The alerts of the bench: each bears its peer, its run and its number, and every letter is known by what it says. */
export type Accepted = {
  /** When the relay answered 250, by `now`. */
  at: number
  messageId: string
  /** The alerts that the letter tells of. */
  alerts: string[]
}

/** Milliseconds of a clock that all processes of the machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6

export const nameOf = (peer: string, run: string, n: number): string => `alert-${peer}-${run}-${String(n).padStart(5, '0')}`

export const textOf = (name: string): string => `Pump 3 at 81 C, level 2.30 m, pressure 4.1 bar (${name})`

/** Each once, in their order. A soft line break of quoted-printable may stand in a name (RFC 2045 section 6.7). */
export const numbersIn = (content: string): string[] => [
  ...new Set([...content.replaceAll('=\r\n', '').matchAll(/alert-[a-z-]+-[a-z0-9]+-\d{5}/g)].map(([name]) => name)),
]

/** `alert-postfix-b-00012` -> `alert-postfix-b`. */
export const runOf = (name: string): string => name.slice(0, -6)
