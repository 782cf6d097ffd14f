/** What the box is asked, and how it says no. */
export type Problem = { status: number; error: string; hint: string; findings?: Finding[] }
export type Finding = { path: string; what: string; write: string; level: 'error' | 'note' }
export type Answer<T> = { ok: true; value: T; etag: string; problem?: undefined } | { ok: false; problem: Problem }

/** A box that says nothing for so long is away. */
const patienceMs = 20_000

export async function ask<T = unknown>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  try {
    const response = await fetch(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': `application/${body instanceof Blob ? 'octet-stream' : 'json'}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(patienceMs),
    })
    const text = await response.text()
    const value = text === '' ? undefined : JSON.parse(text)
    if (response.ok) return { ok: true, value, etag: response.headers.get('etag') ?? '' }
    if (response.status === 401 && path !== '/api/login' && path !== '/api/password') dispatchEvent(new Event('outpost-out'))
    return { ok: false, problem: { status: response.status, error: '', hint: '', ...value } }
  } catch {
    return { ok: false, problem: { status: 0, error: '', hint: '' } }
  }
}

export const get = <T>(path: string): Promise<Answer<T>> => ask<T>('GET', path)
export const post = <T>(path: string, body: unknown = {}): Promise<Answer<T>> => ask<T>('POST', path, body)

/** Lines of JSON as they come. */
export async function each<T>(path: string, body: unknown, take: (value: T) => void): Promise<Problem | undefined> {
  try {
    const response = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
    if (!response.ok || !response.body) return { status: response.status, ...(await response.json()) }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let rest = ''; ; ) {
      const { value, done } = await reader.read()
      if (done) return undefined
      const lines = (rest + value).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) take(JSON.parse(line))
    }
  } catch {
    return { status: 0, error: '', hint: '' }
  }
}

/** Saves a value as a file of the person at the page. */
export function saveFile(name: string, text: string, type = 'application/json'): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
