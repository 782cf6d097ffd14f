import { crc16 } from '../../alert/crc16.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'

/** DSMR P1: the telegram of an electricity meter, from `/` to `!` and its CRC-16/ARC (version 4 on). Objects are named by their OBIS codes. */
const object = /^(?<obis>\d-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}(?:\.\d{1,3})?)(?<values>(?:\([^()]*\))+)$/
const names: Readonly<Record<string, string>> = {
  '0-0:1.0.0': 'time',
  '1-3:0.2.8': 'version',
  '1-0:1.8.1': 'deliveredLow',
  '1-0:1.8.2': 'deliveredNormal',
  '1-0:2.8.1': 'returnedLow',
  '1-0:2.8.2': 'returnedNormal',
  '0-0:96.14.0': 'tariff',
  '1-0:1.7.0': 'power',
  '1-0:2.7.0': 'powerReturned',
  '0-0:96.7.21': 'powerFailures',
  '0-0:96.7.9': 'longPowerFailures',
  '1-0:32.32.0': 'sagsL1',
  '1-0:32.36.0': 'swellsL1',
  '1-0:32.7.0': 'voltageL1',
  '1-0:52.7.0': 'voltageL2',
  '1-0:72.7.0': 'voltageL3',
  '1-0:31.7.0': 'currentL1',
  '1-0:51.7.0': 'currentL2',
  '1-0:71.7.0': 'currentL3',
  '0-0:96.13.0': 'message',
}

/** `(004169.415*kWh)` -> 4169.415; the last of several values counts, as in the objects of M-Bus meters. */
function lastOf(values: string): string | number {
  const last = values.slice(values.lastIndexOf('(') + 1, -1)
  const number = /^(\d{1,12}(?:\.\d{1,6})?)(?:\*[A-Za-z0-9/]{1,8})?$/.exec(last)?.[1]
  return number === undefined || /^\d{13}$/.test(last) ? last : Number(number)
}

const isTelegram = (text: string): boolean => /^\/[A-Za-z]{3}\d/.test(text) && /(?:^|[\r\n])![0-9A-Fa-f]{0,4}$/.test(text)

function decodeTelegram({ text, lines, bytes }: Payload, context: Context): Decoded {
  if (!isTelegram(text))
    return {
      kind: 'undecodable',
      why: 'This is no whole telegram of a meter: it begins with / and ends with !. Frame it by frame.kind telegram.',
    }
  const told = /![ \r\n]*([0-9A-Fa-f]{4})$/.exec(text)?.[1]
  const [begin, end] = [bytes.indexOf(0x2f), bytes.lastIndexOf(0x21)]
  const fits = told === undefined || Number.parseInt(told, 16) === crc16(bytes.subarray(begin, end + 1), 0)
  const found = lines.flatMap((line): [string, string | number][] => {
    const { obis, values } = object.exec(line)?.groups ?? {}
    return obis === undefined || values === undefined ? [] : [[names[obis] ?? obis, lastOf(values)]]
  })
  const meter = (lines[0] ?? '/').slice(1)
  const time = found.find(([name]) => name === 'time')?.[1]
  const members: [string, unknown][] = [
    [
      'text',
      `Meter ${meter}: ${found
        .filter(([name]) => name !== 'time' && name !== 'version')
        .slice(0, 4)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`,
    ],
    ['key', `meter/${meter}`],
    ['severity', 'info'],
    ...(time === undefined ? [] : ([['at', String(time)]] as [string, unknown][])),
    ...found.filter(([name]) => name !== 'time'),
    ...(fits ? [] : ([['crc', 'does not fit']] as [string, unknown][])),
  ]
  return { kind: 'reading', reading: readingOf(members, context) }
}

export const dsmr: Decoder = {
  name: 'dsmr',
  title: 'DSMR P1 telegram of an electricity meter; one whose CRC does not fit has a field that says so',
  sample: { text: '/XMX5LGBBFG1009394887\r\n\r\n1-0:1.8.1(004169.415*kWh)\r\n!1234' },
  recognises: ({ text }) => isTelegram(text),
  decode: decodeTelegram,
}
