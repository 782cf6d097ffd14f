import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Net, NetError, type WebRequest, type WebResponse } from '../../src/ports/net.ts'

export type Web = {
  net: Net
  /** Serves until `done`; the address to ask, without a path. */
  serve(answer: (request: { method: string; path: string; headers: Record<string, string>; body: string }) => WebResponse): Promise<string>
  /** Lets the time pass that an answer takes. */
  pass(): Promise<void>
  done(): Promise<void>
}

const text = (status: number, body: string, headers: Record<string, string> = {}): WebResponse => ({
  status,
  headers,
  body: Buffer.from(body),
})

/** What every Net's request does. */
export function webContract(name: string, make: () => Promise<Web>, options: { skip: string | false } = { skip: false }): void {
  const story = (
    what: string,
    tell: (web: Web, ask: (request: Partial<WebRequest> & { url: string }) => Promise<WebResponse>) => Promise<void>,
  ) =>
    test(`${name}: ${what}`, { skip: options.skip, timeout: 20_000 }, async () => {
      const web = await make()
      try {
        await tell(web, async (request) => {
          const answer = web.net.request({ method: 'GET', timeoutMs: 5000, maxBytes: 1000, ...request })
          answer.catch(() => {})
          await web.pass()
          return answer
        })
      } finally {
        await web.done()
      }
    })
  const rejects = (code: string) => (error: unknown) => error instanceof NetError && error.code === code && error.message.length > 20

  story('a question reaches the server whole, and so does the answer come back', async (web, ask) => {
    const heard: unknown[] = []
    const origin = await web.serve(({ method, path, headers, body }) => {
      heard.push({ method, path, type: headers['content-type'], body })
      return text(418, 'short and stout', { 'X-Pot': 'tea' })
    })
    const answer = await ask({ method: 'POST', url: `${origin}/a?b=c`, headers: { 'content-type': 'text/x' }, body: 'é' })
    assert.deepEqual(heard, [{ method: 'POST', path: '/a?b=c', type: 'text/x', body: 'é' }])
    assert.equal(answer.status, 418)
    assert.equal(answer.headers['x-pot'], 'tea')
    assert.equal(Buffer.from(answer.body).toString(), 'short and stout')
  })

  story('a redirect is an answer, and nobody follows it', async (web, ask) => {
    let asked = 0
    const origin = await web.serve(() => {
      asked++
      return text(302, '', { location: `${origin}/other` })
    })
    assert.equal((await ask({ url: `${origin}/` })).status, 302)
    assert.equal(asked, 1)
  })

  story('more than was allowed is an error, just as much is not', async (web, ask) => {
    const origin = await web.serve(({ path }) => text(200, 'x'.repeat(Number(path.slice(1)))))
    assert.equal((await ask({ url: `${origin}/1000` })).body.length, 1000)
    await assert.rejects(ask({ url: `${origin}/1001` }), rejects('EFBIG'))
  })

  story('nothing is asked in clear beyond this machine, nor with a password in the address', async (_, ask) => {
    await assert.rejects(ask({ url: 'http://example.org/token' }), rejects('EINSECURE'))
    await assert.rejects(ask({ url: 'http://127.0.0.1.example.org/' }), rejects('EINSECURE'))
    await assert.rejects(
      ask({ url: 'https://user:secret@example.org/' }),
      (error) => rejects('EINSECURE')(error) && !/secret/.test(String(error)),
    )
    await assert.rejects(ask({ url: 'file:///etc/passwd' }), rejects('EINSECURE'))
    await assert.rejects(ask({ url: 'no address' }), rejects('EINSECURE'))
  })

  story('where nobody listens, it is said', async (_, ask) => {
    await assert.rejects(ask({ url: 'http://127.0.0.1:1/' }), rejects('ECONNREFUSED'))
  })
}
