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
