import type { Clock } from '../../ports/clock.ts'
import { TimedOut, within } from '../../ports/clock.ts'
import { type Net, NetError, type Wire } from '../../ports/net.ts'

/** Look: a second look at a port that did not speak as it was expected to, to tell whoever stands before it what does speak there. */
type Whereabouts = { host: string; port: number; timeoutMs?: number }
export type Seen = { said?: string; code?: 'ETLSFIRST' }

/** Longest wait for each of its three questions. */
const lookMs = 5000
const lineChars = 200

/** `tls`: the handshake was answered with something else. `greeting`: nothing was said, so perhaps TLS is expected, or a question. */
export async function look(net: Net, clock: Clock, relay: Whereabouts, at: 'tls' | 'greeting'): Promise<Seen> {
  const waitMs = Math.min(lookMs, relay.timeoutMs ?? lookMs)
  if (at === 'greeting' && (await speaksTls(net, relay, waitMs))) return { code: 'ETLSFIRST' }
  const said = await firstLine(net, clock, relay, waitMs)
  return said === undefined ? {} : { said }
}

async function speaksTls(net: Net, { host, port }: Whereabouts, waitMs: number): Promise<boolean> {
  try {
    // Whoever it is: nothing is said to it.
    const wire = await net.connect({ host, port, timeoutMs: waitMs, tls: { serverName: host, check: () => undefined, resume: false } })
    wire.close()
    return true
  } catch (error) {
    if (error instanceof NetError) return false
    throw error
  }
}

async function firstLine(net: Net, clock: Clock, { host, port }: Whereabouts, waitMs: number): Promise<string | undefined> {
  let wire: Wire | undefined
  try {
    wire = await net.connect({ host, port, timeoutMs: waitMs })
    // One reader at a time: the first wait goes on while a word is said that every mail and web server answers.
    const read = wire.read()
    const early = await within(clock, waitMs, 'a first word', read).catch(late)
    if (early === undefined) await wire.write(Buffer.from('QUIT\r\n\r\n'))
    const bytes = early ?? (await within(clock, waitMs, 'an answer', read))
    const text = bytes === undefined ? '' : Buffer.from(bytes).toString('latin1')
    return cleanLine(text)
  } catch (error) {
    if (error instanceof NetError || error instanceof TimedOut) return undefined
    throw error
  } finally {
    wire?.close()
  }
}

const late = (error: unknown): undefined => {
  if (!(error instanceof TimedOut)) throw error
}

const cleanLine = (text: string): string | undefined =>
  text
    .split('\n')[0]
    ?.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
    .trim()
    .slice(0, lineChars) || undefined
