import assert from 'node:assert/strict'
import { runBeside, sleep } from '../peers/process.ts'

/** Somebody who opens the page of a box now and then, looks around and goes. */
const password = 'correct horse battery'
const asked = [
  '/',
  '/api/state',
  '/api/queue',
  '/api/history',
  '/api/chronicle',
  '/api/alerts',
  '/api/mailbox',
  '/api/logs',
  '/api/settings',
  '/metrics',
]
const watchMs = 2000

/**
 * Reads the mailbox of the box as a mail program would, and deletes every other mail. A mail may grow too old while it is read, and goes; says how many
 * there were. On a hasty clock the minute that a stranger has for his next command is a third of a second, so a login is tried again.
 */
const reader = `
import poplib, ssl, sys
def enter():
    box = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=60)
    box.stls(ssl._create_unverified_context())
    box.user("operator")
    box.pass_("pop-secret")
    return box
for left in (3, 2, 1, 0):
    try:
        box = enter()
        break
    except (poplib.error_proto, OSError):
        if not left: raise
count, aged = box.stat()[0], 0
for i in range(1, count + 1):
    try:
        box.retr(i)
    except poplib.error_proto as e:
        if b"SYS/TEMP" not in e.args[0]: raise
        aged += 1
    if i % 2: box.dele(i)
box.quit()
print(count, aged)
`
/** A day of mail, read on a machine that has others to serve. */
const readMs = 120_000

export class Visitor {
  readonly #origin: string
  readonly #pop3Port: number
  #token: Record<string, string> = {}
  visits = 0
  /** What lay in the mailbox at all visits together, what of it grew too old meanwhile, and how long the longest reading took. */
  mails = 0
  aged = 0
  slowestMs = 0

  constructor(port: number, pop3Port: number) {
    this.#origin = `http://127.0.0.1:${port}`
    this.#pop3Port = pop3Port
  }

  /** The first visit: the box is claimed, and a token made, for a session ends within seconds where a clock is hasty. `said`: what the box said on its console. */
  async claim(said: string): Promise<void> {
    const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(said)?.[0]
    const claimed = await this.#send('/api/claim', { code, password })
    assert.equal(claimed.status, 204, await claimed.text())
    const made = await this.#send('/api/tokens', { name: 'visitor', scope: 'all' }, { cookie: cookieOf(claimed) })
    const text = await made.text()
    assert.equal(made.status, 201, text)
    this.#token = { authorization: `Bearer ${JSON.parse(text).token}` }
  }

  /** Fails when the page says anything but yes. */
  async look(): Promise<void> {
    const login = await this.#send('/api/login', { password })
    assert.equal(login.status, 204, `login: ${await login.text()}`)
    for (const path of asked) await this.#read(path)
    await this.#watch()
    await (await this.#send('/api/logout', {}, { cookie: cookieOf(login) })).text()
    const began = performance.now()
    const [mails = 0, aged = 0] = (await runBeside('python3', ['-c', reader, String(this.#pop3Port)], '', readMs)).split(' ').map(Number)
    assert.ok(aged <= Math.max(3, mails / 4), `${aged} of ${mails} mails in the mailbox could not be read`)
    this.mails += mails
    this.aged += aged
    this.slowestMs = Math.max(this.slowestMs, performance.now() - began)
    this.visits++
  }

  /** Asks again while the gateway takes new settings. */
  async #read(path: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const answer = await fetch(`${this.#origin}${path}`, { headers: this.#token })
      const text = await answer.text()
      if (answer.status === 200) return
      assert.ok(answer.status === 503 && tries < 20, `${path}: ${answer.status} ${text}`)
      await sleep(250)
    }
  }

  async #watch(): Promise<void> {
    const leaving = new AbortController()
    const answer = await fetch(`${this.#origin}/api/events`, { headers: this.#token, signal: leaving.signal })
    assert.equal(answer.status, 200)
    const reading = answer.text().catch(() => {})
    await sleep(watchMs)
    leaving.abort()
    await reading
  }

  #send(path: string, body: object, more: Record<string, string> = {}): Promise<Response> {
    const headers = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...more }
    return fetch(`${this.#origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  }
}

const cookieOf = (answer: Response): string => String(answer.headers.get('set-cookie')).split(';')[0] ?? ''
