import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Guess, sniff } from '../../src/gateway/sniff.ts'

/** What a line speaks, guessed from its octets. A burst a second. */
const heard = (bursts: readonly (string | Uint8Array)[]) =>
  sniff(bursts.map((burst, index) => ({ atMs: index * 1000, bytes: typeof burst === 'string' ? Buffer.from(burst, 'latin1') : burst })))

const evenParity = (text: string): Uint8Array =>
  Buffer.from(text, 'latin1').map((octet) => (octet.toString(2).replaceAll('0', '').length % 2 === 1 ? octet | 0x80 : octet))

const panel = [
  'Node 1\r\nStatus:ALARM 1st of 1 08/31/95 16:25\r\nFire Alarm in Ckt:26 Dev:16\r\nAdministration Building\r\nFire Alarm Heat Detector\r\n1st. Floor Room Number 101\r\n',
]
const telegram = '/XMX5LGBBFG1009394887\r\n\r\n1-3:0.2.8(42)\r\n0-0:1.0.0(190101125431W)\r\n1-0:1.8.1(004169.415*kWh)\r\n!1234\r\n'

const lines: readonly [what: string, bursts: string[], frame: Guess['frame']['kind'], decoder: string][] = [
  ['an alarm receiver', ['5011 181234E12101001\x14', '5011 181234R12101001\x14', '1011           @    \x14'], 'delimiter', 'contact-id'],
  ['SIA DC-09', ['\nF68B003B"ADM-CID"0028L0#9757[#9757|1602 00 000]_20:59:45,02-20-2024\r'], 'line', 'dc-09'],
  ['RFLink', ['20;2D;UPM/Esic;ID=0001;TEMP=00cf;HUM=16;BAT=OK;\r\n', '20;12;Pir;ID=aa66;PIR=ON;\r\n'], 'line', 'rflink'],
  ['MySensors', ['12;6;1;0;0;36.5\n', '12;6;1;0;0;36.6\n'], 'line', 'mysensors'],
  ['an Arduino', ['Motion Detected\r\n', 'No Motion\r\n', 'Motion Detected\r\n'], 'line', 'text'],
  ['JSON lines', ['{"DeviceID":"TM182","Temp":25.3,"Hum":50}\n', '{"DeviceID":"TM182","Temp":25.4,"Hum":50}\n'], 'line', 'json'],
  ['a fire panel', [...panel, ...panel], 'idle', 'fire-panel'],
  ['a smart meter', [telegram, telegram], 'telegram', 'dsmr'],
  ['a radio that ends nothing', ['Motion Detected', 'No Motion', 'Motion Detected'], 'idle', 'text'],
  ['frames in STX and ETX', ['\x02DOOR 1 OPEN\x03', '\x02DOOR 1 CLOSED\x03'], 'stx-etx', 'text'],
]

describe('what a line speaks', () => {
  for (const [what, bursts, kind, decoder] of lines)
    test(what, () => {
      const guess = heard(bursts)
      assert.deepEqual([guess?.frame.kind, guess?.decoder], [kind, decoder])
      assert.ok((guess?.sure ?? 0) > 0.6, `it is only ${guess?.sure} sure`)
    })

  test('7 bits and even parity are seen through 8 bits and none', () => {
    const guess = heard([evenParity('PUMP 3 OVERTEMP\r\n'), evenParity('PUMP 3 NORMAL\r\n')])
    assert.deepEqual([guess?.dataBits, guess?.parity, guess?.frame.kind, guess?.says[0]], [7, 'even', 'line', 'PUMP 3 OVERTEMP'])
  })

  test('more of the same is surer, and what a wrong speed makes of it is not sure at all', () => {
    const once = heard(['Motion Detected\r\n'])
    const often = heard(Array.from({ length: 6 }, () => 'Motion Detected\r\n'))
    assert.ok((once?.sure ?? 1) < (often?.sure ?? 0))
    const garbled = Uint8Array.from({ length: 300 }, (_, at) => [0x00, 0xe6, 0x1c, 0x80, 0x78, 0x0a, 0xff, 0x98][(at * 7) % 8] ?? 0)
    assert.ok((heard([garbled])?.sure ?? 1) < 0.3)
  })

  test('a silent line is not guessed', () => assert.equal(heard([]), undefined))
})
