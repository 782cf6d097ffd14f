import type { Clock } from '../ports/clock.ts'
import { worthTelling } from '../ports/log.ts'

/** A port that is taken may be free later. */
const againMs = 5000
const lookMs = 1000

type Listening = { close(): Promise<void> }

export type ListenOptions = {
  clock: Clock
  /** Names what is wanted now, where and how; undefined: nothing. Another name is another listener. */
  wanted(): string | undefined
  listen(): Promise<Listening>
  /** It cannot listen, for now. Told ever more seldom while it goes on. */
  failed(error: unknown): void
}

/**
 * Keeps a listener where the settings want it, which they may change while it runs, until the returned function is called. It has tried once when it
 * resolves, and never rejects: a port that cannot be had stops nothing and is tried again. The returned function waits for a listener that is only
 * just opening: left open, it would hold the port against the next life of the same process.
 */
export async function keepListening({ clock, wanted, listen, failed }: ListenOptions): Promise<() => Promise<void>> {
  let listener: Listening | undefined
  let where: string | undefined
  let failures = 0
  let stopped = false
  let cancel = () => {}
  let looking = Promise.resolve()
  const again = () => {
    looking = look()
  }
  const look = async (): Promise<void> => {
    const name = wanted()
    let waitMs = lookMs
    if (name !== where || (name !== undefined && !listener)) {
      await listener?.close()
      listener = undefined
      if (name !== where) failures = 0
      where = name
      try {
        if (name !== undefined && !stopped) listener = await listen()
        failures = 0
      } catch (error) {
        failures++
        if (worthTelling(failures - 1, failures)) failed(error)
        waitMs = againMs
      }
    }
    if (!stopped) cancel = clock.after(waitMs, again)
  }
  again()
  await looking
  return async () => {
    stopped = true
    cancel()
    await looking
    await listener?.close()
  }
}
