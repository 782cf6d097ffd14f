import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, sleep, TimedOut, within } from '../../src/ports/clock.ts'

/** What every Clock does. `pass` lets so many ms go by. */
export function clockContract(name: string, make: () => { clock: Clock; pass(ms: number): Promise<void> }): void {
  test(`${name}: a call comes after its time, not before, and not when it was cancelled`, async () => {
    const { clock, pass } = make()
    const began = clock.monotonic()
    const calls: string[] = []
    clock.after(40, () => calls.push(clock.monotonic() - began >= 40 ? 'late enough' : 'too early'))
    clock.after(20, () => calls.push('cancelled'))()
    clock.after(0, () => calls.push('at once'))
    await pass(150)
    assert.deepEqual(calls, ['at once', 'late enough'])
  })

  test(`${name}: a sleep ends by itself or with its signal, and never fails`, async () => {
    const { clock, pass } = make()
    const stop = new AbortController()
    let ended = 0
    void sleep(clock, 20).then(() => ended++)
    void sleep(clock, 1e9, stop.signal).then(() => ended++)
    stop.abort()
    await pass(100)
    assert.equal(ended, 2)
    await sleep(clock, 1e9, stop.signal)
  })

  test(`${name}: a wait of a year does not end at once (Node's timers do)`, async () => {
    const { clock, pass } = make()
    let fired = false
    const cancel = clock.after(366 * 24 * 3600 * 1000, () => {
      fired = true
    })
    await pass(60)
    cancel()
    assert.equal(fired, false)
  })

  test(`${name}: what takes too long is a TimedOut`, async () => {
    const { clock, pass } = make()
    const late = within(clock, 20, 'it', new Promise(() => {}))
    const caught = late.catch((error) => error)
    await pass(100)
    assert.ok((await caught) instanceof TimedOut)
    assert.equal(await within(clock, 1000, 'it', Promise.resolve(7)), 7)
  })

  test(`${name}: the boot has a name and time since it goes forward`, async () => {
    const { clock, pass } = make()
    const before = clock.monotonic()
    await pass(20)
    assert.ok(clock.monotonic() > before && clock.boot.length > 0)
    assert.ok(['yes', 'no', 'unknown'].includes(clock.synchronised()))
  })
}
