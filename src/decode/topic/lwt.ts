import type { Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'

/** Last wills: who is there and who is not, under whatever name the makers give it. */
const ending = /^(?<device>.+)\/(?:LWT|status|state|availability|available|online|connected|connection)$/i
const words: Readonly<Record<string, 'raised' | 'cleared'>> = {
  online: 'cleared',
  connected: 'cleared',
  available: 'cleared',
  true: 'cleared',
  1: 'cleared',
  2: 'cleared',
  offline: 'raised',
  disconnected: 'raised',
  unavailable: 'raised',
  lost: 'raised',
  false: 'raised',
  0: 'raised',
}
/** These say on and off on topics that tell of much else. */
const clear = /^(?:online|offline|connected|disconnected|unavailable|available|lost)$/i

/** `online`, or `{"state":"online"}`. */
function wordOf({ text, object }: Payload): string | undefined {
  const told = object ? (Object.keys(object).length === 1 ? object.state : undefined) : text
  return typeof told === 'string' ? told.toLowerCase() : undefined
}

const isSpecific = (topic: string): boolean => /\/(?:LWT|availability|available|online|connected|connection)$/i.test(topic)

export const lwt: Decoder = {
  name: 'lwt',
  title: 'Last wills: online and offline on topics that end in LWT, status, state, availability, online, connected',
  sample: { topic: 'tele/tasmota_A1B2C3/LWT', text: 'Offline' },
  recognises: (payload, { topic = '' }) => {
    const word = wordOf(payload)
    return word !== undefined && word in words && ending.test(topic) && (clear.test(word) || isSpecific(topic))
  },
  decode: (payload, context) => {
    const state = words[wordOf(payload) ?? '']
    const device = ending.exec(context.topic ?? '')?.groups?.device ?? context.topic ?? 'device'
    if (!state) return { kind: 'undecodable', why: 'This is neither online nor offline.' }
    const members: [string, unknown][] = [
      ['text', `${device} is ${state === 'raised' ? 'offline' : 'online'}`],
      ['key', `${device}/online`],
      ['state', state],
    ]
    return { kind: 'reading', reading: readingOf(members, context) }
  },
}
