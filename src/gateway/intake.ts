import type { Reading } from '../alert/alert.ts'
import type { Context, DecodeOptions, Memory } from '../decode/decoder.ts'
import { SourceMemory } from '../decode/memory.ts'
import { decode } from '../decode/registry.ts'
import { type Log, worthTelling } from '../ports/log.ts'
import type { Ahead } from '../source/ahead.ts'
import type { Heard, Take, Taken } from '../source/source.ts'
import { asItWas, besidesOf, isForNow, isTold, orderedOf, Partly, type Said, together } from './besides.ts'

/**
 * Intake: from the wire to the registrar. What it answers is what the wire is told: `accepted` only after all alerts of the frame are on the disk.
 */
export type IntakeOptions = {
  log: Log
  /** What was understood, to the rules and into the journal. */
  offer(reading: Reading, heard: Heard): Promise<Taken>
  /** Decoder of a source: `auto` or its name. */
  decoderOf(source: string): string
  decodingOf?(source: string): DecodeOptions
  /** Monotonic, in ms. */
  now?(): number
  /** This source is alive, whatever it says. */
  onHeard?(source: string): void
  /** What became of it, for whoever looks on. */
  onTaken?(heard: Heard, decoder: string, taken: Taken): void
  /** Something of this source and key was raised, in this life or an earlier one, and is not over. Missing: nothing is. */
  stands?(source: string, key: string): boolean
  /** The wire asks again for what it was refused, as its format has it. */
  asksAgain?(source: string): boolean
}

export function intake(options: IntakeOptions): Take {
  const ignored = new Ignored(options.log)
  const memories = new Map<string, SourceMemory>()
  const partly = new Partly(options.now ?? (() => 0))
  return async (heard) => {
    options.onHeard?.(heard.source)
    const known = memories.get(heard.source) ?? new SourceMemory()
    memories.set(heard.source, known)
    const memory = known.frame()
    const context = contextOf(options, heard, memory)
    const meant = decode(options.decoderOf(heard.source), heard.bytes, context)
    const tell = (taken: Taken): Taken => {
      options.onTaken?.(heard, meant.decoder, taken)
      if (!meant.answer) return taken
      return { ...taken, answer: taken.kind === 'refused' ? meant.answer.refused : meant.answer.taken }
    }
    const found = readingIn(options, heard, context, meant, ignored)
    const stands = (key: string) => options.stands?.(heard.source, key) ?? false
    // Of a frame that was partly taken, the rest.
    const before = heard.heardAt === undefined ? partly.of(heard) : undefined
    const take = async (said: Said): Promise<Taken> => {
      if (heard.places && !heard.places.includes(said.place)) return asItWas
      const taken = before?.get(said.place)
      if (taken) return taken.kind === 'accepted' ? { ...taken, repeated: true } : taken
      const offer = async () => {
        const taken = isTold(said, stands) ? await options.offer(said.reading, said.heard) : asItWas
        if (taken.kind === 'ignored' && said.place === 0) ignored.note(heard.source, taken.why)
        return taken
      }
      return heard.behind ? inTurn(said, heard.behind, offer, tell) : offer()
    }
    // Of a mail that is passed on there is one letter.
    const besides = meant.kind === 'undecodable' || heard.passing ? [] : besidesOf(meant.besides, heard, stands)
    try {
      const first = found.kind === 'reading' ? take({ reading: found.reading, heard, place: 0 }) : found
      // Offered at once, so that they ride on one commit and no other frame is understood between them.
      const [main, ...others] = await Promise.all([first, ...besides.map(take)])
      if (heard.heardAt === undefined)
        partly.note(heard, new Map([[0, main], ...besides.map(({ place }, at) => [place, others[at] ?? asItWas] as const)]))
      // Its wire sends it again, and it is decoded anew; what its source keeps is not.
      if (isForNow(main) && heard.heardAt === undefined) memory.undo()
      return tell(together([main, ...others]))
    } catch (error) {
      memory.undo()
      throw error
    }
  }
}

const contextOf = ({ now, decodingOf }: IntakeOptions, { topic, retained, source }: Heard, memory: Memory): Context => ({
  ...(topic === undefined ? {} : { topic }),
  ...(retained === undefined ? {} : { retained }),
  ...(now ? { now: now() } : {}),
  options: decodingOf?.(source) ?? {},
  memory,
})

/** Behind what was refused already. When it is refused itself, its source may keep it as it was understood; only what becomes of it at last is told again. */
async function inTurn({ reading, place }: Said, behind: Ahead, offer: () => Promise<Taken>, tell: (taken: Taken) => Taken): Promise<Taken> {
  const again = async () => {
    const taken = await offer()
    return isForNow(taken) ? taken : tell(taken)
  }
  const held = { ...orderedOf(reading), place, offer: again }
  if (!behind.lets(held))
    return {
      kind: 'refused',
      why: 'an elder alert of its source is still to be taken',
      hint: 'It is taken behind that one.',
      again: true,
      held: [held],
    }
  const taken = await offer()
  return isForNow(taken) ? { ...taken, held: [held] } : taken
}

type Meant = ReturnType<typeof decode>

/** What is to be offered, or what its wire is told because nothing is. */
function readingIn(
  options: IntakeOptions,
  heard: Heard,
  context: Context,
  meant: Meant,
  ignored: Ignored,
): { kind: 'reading'; reading: Reading } | Taken {
  const { log } = options
  if (meant.kind === 'undecodable' && meant.answer && options.asksAgain?.(heard.source)) {
    log('warning', 'a frame came damaged and is asked for again', { source: heard.source, decoder: meant.decoder, why: meant.why })
    return { kind: 'refused', why: meant.why, hint: 'The device sends it again.', again: false }
  }
  if (meant.kind === 'undecodable')
    log('warning', 'an alert is not what its source promised; its text is told as it is', {
      source: heard.source,
      decoder: meant.decoder,
      why: meant.why,
    })
  if (heard.passing && meant.kind !== 'reading')
    return { kind: 'reading', reading: { text: `Mail from ${heard.passing.enclosed.from || 'nobody'}` } }
  // Most wires cannot ask for another form of it, and somebody meant something by it.
  const decoded = meant.kind === 'undecodable' ? decode('text', heard.bytes, context) : meant
  if (decoded.kind === 'ignored') {
    ignored.note(heard.source, decoded.why)
    return { kind: 'ignored', why: decoded.why }
  }
  if (decoded.kind === 'undecodable') {
    log('warning', 'an alert could not be decoded', { source: heard.source, decoder: decoded.decoder, why: decoded.why })
    return { kind: 'refused', why: decoded.why, hint: 'Look at sources[].decode and the bytes that the device sends.', again: false }
  }
  return decoded
}

/** Says why something was passed over, and not each time: a heartbeat may come every second. Kinds are few: the decoders' own sentences. */
class Ignored {
  readonly #log: Log
  readonly #counts = new Map<string, number>()

  constructor(log: Log) {
    this.#log = log
  }

  note(source: string, why: string): void {
    const kind = `${source}\0${why}`
    const before = this.#counts.get(kind) ?? 0
    this.#counts.set(kind, before + 1)
    if (worthTelling(before, before + 1)) this.#log('info', 'ignored: nothing to tell', { source, why, times: before + 1 })
  }
}
