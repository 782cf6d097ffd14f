import type { Severity } from '../../alert/alert.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import { several } from '../several.ts'
import { type Members, readingOf } from '../value.ts'

/** RFLink gateway: `20;number;protocol;ID=…;NAME=value;…`. Temperatures are hexadecimal tenths with the sign in the highest bit. */
const packet = /^20;(?<number>[0-9A-F]{2});(?<rest>.+)$/

const tenths = new Set(['TEMP', 'WINCHL', 'WINTMP'])
const signed = (hex: string): number => {
  const raw = Number.parseInt(hex, 16)
  return (raw & 0x8000 ? -(raw & 0x7fff) : raw) / 10
}
const hexTenths = new Set(['RAIN', 'RAINRATE', 'WINSP', 'AWINSP', 'WINGS'])
const hex = new Set(['BARO', 'UV', 'LUX', 'CO2', 'SOUND', 'KWATT', 'WATT'])

function numberIn(name: string, text: string): string | number {
  if (!/^[0-9a-fA-F]{1,8}$/.test(text)) return text
  if (tenths.has(name)) return signed(text)
  if (hexTenths.has(name)) return Number.parseInt(text, 16) / 10
  if (hex.has(name)) return Number.parseInt(text, 16)
  return name === 'HUM' ? Number(text) : text
}

const alarms: Readonly<Record<string, Severity>> = { SMOKEALERT: 'critical', CHIME: 'info', PIR: 'warning' }

function decodePacket(line: string, context: Context): Decoded {
  const [protocol = '', ...parts] = (packet.exec(line)?.groups?.rest ?? '').split(';').filter(Boolean)
  const pairs = parts.flatMap((part): [string, string][] => {
    const at = part.indexOf('=')
    return at > 0 ? [[part.slice(0, at), part.slice(at + 1)]] : []
  })
  const id = pairs.find(([name]) => name === 'ID')?.[1]
  if (protocol === '') return { kind: 'undecodable', why: 'This is no packet of RFLink: it begins with 20; and a number.' }
  if (id === undefined) return { kind: 'ignored', why: 'a word of the RFLink gateway about itself' }
  const device = `${protocol}/${id}`
  const values = pairs.filter(([name]) => name !== 'ID').map(([name, text]): [string, string | number] => [name, numberIn(name, text)])
  const numbers = values.filter(([, value]) => typeof value === 'number')
  const said = values.map(([name, value]) => `${name} ${value}`).join(', ')
  const rest: Members = [
    ['text', `${device}: ${said || 'heard'}`],
    ...(numbers.length === 1 ? ([['value', numbers[0]?.[1]]] as Members) : []),
    ['device', id],
    ...values,
  ]
  const level: Members = [
    ['key', device],
    ['severity', 'info'],
  ]
  return several(toldIn(device, level, values), level, (members) => readingOf([...members, ...rest], context))
}

/** Its alarms, and a battery that is low; a level when there is nothing of the kind. */
function toldIn(device: string, level: Members, values: Members): Members[] {
  const standing = (name: string, isOver: boolean, severity: Severity | undefined): Members => [
    ['key', `${device}/${name}`],
    ['state', isOver ? 'cleared' : 'raised'],
    ['severity', severity],
  ]
  const alarmed = values.filter(([name]) => name in alarms).map(([name, value]) => standing(name, value === 'OFF', alarms[name]))
  const battery = values.find(([name]) => name === 'BAT')?.[1]
  const low = battery === 'LOW' ? [standing('BAT', false, 'warning')] : []
  const fine = battery === 'OK' ? [standing('BAT', true, 'warning')] : []
  return [...(alarmed.length + low.length > 0 ? [...alarmed, ...low] : [level]), ...fine]
}

export const rflink: Decoder = {
  name: 'rflink',
  title: 'RFLink gateway (433 MHz)',
  sample: { text: '20;2D;UPM/Esic;ID=0001;TEMP=00cf;HUM=16;BAT=OK;' },
  recognises: ({ line }) => line !== undefined && packet.test(line),
  decode: ({ line = '' }, context) => decodePacket(line, context),
}
