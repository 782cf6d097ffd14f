/**
 * Suite: as much of node:test as the files of tests here use, for many runs in one process: what a file registers is run in its order, until the first failure. The
 * worker hands it to them in the place of node:test.
 */
type Body = (t: unknown) => unknown
type Options = { skip?: unknown; timeout?: number }

let tests: Body[] = []
let ahead: Body[] = []
let each: Body[] = []
let behind: Body[] = []

export function test(...[, second, third]: [string, Options | Body, Body?]): void {
  const [options, body] = typeof second === 'function' ? [{}, second] : [second, third]
  if (!options.skip && body) tests.push(body)
}
export const it = test

export function describe(_: string, body: () => void): void {
  body()
}

export const before = (body: Body): void => void ahead.push(body)
export const beforeEach = (body: Body): void => void each.push(body)
export const after = (body: Body): void => void behind.push(body)

/** Runs what was registered since the last time; false at the first failure. */
export async function runAll(): Promise<boolean> {
  const [all, first, always, last] = [tests, ahead, each, behind]
  tests = []
  ahead = []
  each = []
  behind = []
  const context = { diagnostic() {} }
  try {
    for (const body of first) await body(context)
    for (const body of all) {
      for (const one of always) await one(context)
      await body(context)
    }
    return true
  } catch {
    return false
  } finally {
    for (const body of last) await body(context)
  }
}
