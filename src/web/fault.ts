/** The answer is no: an HTTP status, a sentence that says what is wrong, and one that says what to do. */
export class Fault extends Error {
  override name = 'Fault'
  readonly status: number
  readonly hint: string
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, message: string, hint: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.hint = hint
    this.headers = headers
  }
}

/** Whoever guesses has to wait. */
export function tooEarly(ms: number): Fault {
  const seconds = Math.max(1, Math.ceil(ms / 1000))
  return new Fault(429, `Wait ${seconds} s before the next try.`, 'Wrong tries make each next one wait longer; nobody is locked out.', {
    'Retry-After': String(seconds),
  })
}
