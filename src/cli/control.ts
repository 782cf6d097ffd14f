import type { Desk, Sending, Silencing } from '../gateway/desk.ts'
import { type Clock, sleep, within } from '../ports/clock.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { Net, Wire } from '../ports/net.ts'
import type { Ports } from '../ports/ports.ts'
import { Later } from './command.ts'
import { keepListening } from './keep-listening.ts'

/**
 * Control: the command line talks to the running gateway over a Unix socket in the data directory (0600), one JSON line there and one back.
 */
export type Request =
  | { verb: 'send'; sending: Sending }
  /** `bytes`: base64. */
  | { verb: 'hear'; source: string; bytes: string }
  | { verb: 'list'; after: number }
  | { verb: 'history'; before?: number }
  | { verb: 'show' | 'hold' | 'release' | 'drop'; id: number }
  | { verb: 'retry'; id?: number }
  | { verb: 'state' | 'alerts' }
  | { verb: 'acknowledge'; id: number; by: string }
  | { verb: 'silence'; silencing: Silencing }
  | { verb: 'unsilence'; id: string }

type Answer = { ok: true; value: unknown } | { ok: false; error: string }

/** One question or answer, in octets; a letter with its mail fits. */
const lineLimit = 2 * 1024 * 1024
const answerMs = 30_000

export const socketOf = (dir: string): string => `${dir}/control.sock`

/**
 * Answers requests until the returned function is called. A socket that cannot be had, as on a disk that takes nothing, stops no letter: it is told once, and tried again.
 */
export function serveControl(
  { net, clock, log }: { net: Net; clock: Clock; log: Log },
  dir: string,
  house: { desk(): Desk | undefined; readonly standsStill: string | undefined },
): Promise<() => Promise<void>> {
  let told: string | undefined
  return keepListening({
    clock,
    wanted: () => socketOf(dir),
    listen: () =>
      net.listenPath(
        socketOf(dir),
        (wire) => void answerOn(wire, house.desk(), house.standsStill ?? 'The gateway takes new settings just now.'),
      ),
    failed: (error) => {
      const why = sentence(error)
      if (why !== told) log('warning', 'control: the command line cannot reach this gateway', { why })
      told = why
    },
  })
}

async function answerOn(wire: Wire, desk: Desk | undefined, why: string): Promise<void> {
  try {
    const line = await readLine(wire)
    const answer: Answer = line === undefined ? { ok: false, error: 'no request came' } : desk ? await answerTo(line, desk) : awayFor(why)
    await wire.write(Buffer.from(`${JSON.stringify(answer)}\n`))
  } catch {
    // Whoever asked has gone; the gateway does not care.
  } finally {
    wire.close()
  }
}

const awayFor = (why: string): Answer => ({ ok: false, error: `${why} Try again in a moment.` })

async function answerTo(line: string, desk: Desk): Promise<Answer> {
  try {
    return { ok: true, value: await perform(JSON.parse(line) as Request, desk) }
  } catch (error) {
    return { ok: false, error: sentence(error) }
  }
}

/** Carries a request out at a desk. Resolves with plain data; null or false: there is no such letter. */
export async function perform(request: Request, desk: Desk): Promise<unknown> {
  switch (request.verb) {
    case 'send':
      return desk.send(request.sending)
    case 'hear':
      return desk.hear(request.source, Buffer.from(request.bytes, 'base64'))
    case 'list':
      return desk.list(request.after)
    case 'history':
      return desk.past(request.before)
    case 'show':
      return (await desk.show(request.id)) ?? null
    case 'hold':
    case 'release':
      return desk.hold(request.id, request.verb === 'hold')
    case 'drop':
      return desk.drop(request.id, 'outpost queue drop')
    case 'retry':
      return desk.retry(request.id)
    case 'state':
      return desk.state()
    case 'alerts':
      return desk.alerts()
    case 'acknowledge':
      return desk.acknowledge(request.id, request.by)
    case 'silence':
      return desk.silence(request.silencing)
    case 'unsilence':
      return desk.unsilence(request.id)
  }
}

type Asked = Pick<Ports, 'net' | 'clock'>

/** The running gateway's answer; undefined when no gateway runs in this directory. Throws Later when it runs and does not do it. */
export async function ask(ports: Asked, dir: string, request: Request): Promise<{ value: unknown } | undefined> {
  const answer = await answerFrom(ports, dir, request)
  if (answer?.ok === false) throw new Later(answer.error)
  return answer
}

/** A gateway that takes new settings, or has only just begun, is back in so many ms. */
const patienceMs = 15_000
const againMs = 1000

/** For what must not be lost: asks again for a while when the gateway says that it does not do it now. One that says nothing may have done it. */
export async function askPatiently(ports: Asked, dir: string, request: Request): Promise<{ value: unknown } | undefined> {
  const { clock } = ports
  const end = clock.monotonic() + patienceMs
  for (;;) {
    const answer = await answerFrom(ports, dir, request)
    if (answer?.ok !== false) return answer
    if (clock.monotonic() + againMs > end) throw new Later(answer.error)
    await sleep(clock, againMs)
  }
}

/** Throws Later when nothing comes back that could be understood. */
async function answerFrom({ net, clock }: Asked, dir: string, request: Request): Promise<Answer | undefined> {
  let wire: Wire
  try {
    wire = await net.connectPath(socketOf(dir))
  } catch {
    return undefined
  }
  try {
    await wire.write(Buffer.from(`${JSON.stringify(request)}\n`))
    const line = await within(clock, answerMs, 'the gateway', readLine(wire))
    if (line === undefined) throw new Error('it closed the line')
    return JSON.parse(line) as Answer
  } catch (error) {
    throw new Later(`The gateway runs and gave no answer (${sentence(error)}). Look at its log, and try again in a moment.`)
  } finally {
    wire.close()
  }
}

async function readLine(wire: Wire): Promise<string | undefined> {
  const pieces: Uint8Array[] = []
  for (let bytes = 0; bytes <= lineLimit; ) {
    const piece = await wire.read()
    if (!piece) return undefined
    const end = piece.indexOf(0x0a)
    pieces.push(end < 0 ? piece : piece.subarray(0, end))
    if (end >= 0) return Buffer.concat(pieces).toString()
    bytes += piece.length
  }
  throw new Error(`a line of more than ${lineLimit} octets`)
}
