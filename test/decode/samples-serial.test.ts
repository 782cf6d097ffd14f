import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Reading } from '../../src/alert/alert.ts'
import { crc16 } from '../../src/alert/crc16.ts'
import type { DecodeOptions } from '../../src/decode/decoder.ts'
import { SourceMemory } from '../../src/decode/memory.ts'
import { decode } from '../../src/decode/registry.ts'
import { createFramer, type FrameOptions } from '../../src/source/frame.ts'

/** What devices send over serial lines, through the framer that is meant for them: octet by octet, at once, and between noise. */
type Sample = {
  sent: string
  frame?: Partial<FrameOptions>
  decoder: string
  options?: DecodeOptions
  reading?: Reading
  ignored?: RegExp
  why?: RegExp
}

const dc4 = { kind: 'delimiter', delimiter: '\\x14' } as const
const colons = { kind: 'between' } as const
const idle = { kind: 'idle' } as const
const telegram = { kind: 'telegram' } as const

const contactId = (
  text: string,
  key: string,
  state: 'raised' | 'cleared' | 'event',
  severity: 'critical' | 'warning' | 'info',
  at?: string,
): Reading => {
  const [account = '', code, partition = '', zone = ''] = key.split('/')
  const fields = { account, event: `${state === 'cleared' ? 'R' : 'E'}${code}`, partition, zone }
  return {
    text: `${text} (account ${account}, partition ${partition}, zone ${zone})`,
    key,
    state,
    severity,
    ...(at === undefined ? {} : { at }),
    fields,
  }
}
const keypad = {
  ready: true,
  armedAway: false,
  armedHome: false,
  acPower: true,
  alarmSounding: false,
  batteryLow: true,
  fire: false,
  zone: '008',
}

const samples: readonly Sample[] = [
  {
    sent: '5011 181234E12101001\x14',
    frame: dc4,
    decoder: 'contact-id',
    reading: contactId('Duress', '1234/121/01/001', 'raised', 'critical'),
  },
  {
    sent: '5011 181234R12101001\x14',
    frame: dc4,
    decoder: 'contact-id',
    reading: contactId('Duress, restored', '1234/121/01/001', 'cleared', 'critical'),
  },
  { sent: '1011           @    \x14', frame: dc4, decoder: 'contact-id', ignored: /heartbeat/ },
  {
    sent: ' a011 123418E13001002\x14',
    frame: dc4,
    decoder: 'contact-id',
    reading: contactId('Burglary', '1234/130/01/002', 'raised', 'critical'),
  },
  { sent: '\n11 1234 18 E130 01 C002\r', decoder: 'contact-id', reading: contactId('Burglary', '1234/130/01/002', 'raised', 'critical') },
  { sent: '\n11 OKAY @ \r', decoder: 'contact-id', ignored: /heartbeat/ },
  {
    sent: '3011    123456BA0001\x14',
    frame: dc4,
    decoder: 'contact-id',
    reading: {
      text: 'Burglary alarm (account 123456, zone 0001)',
      key: '123456/BA/0001',
      state: 'raised',
      severity: 'critical',
      fields: { account: '123456', event: 'BA', zone: '0001' },
    },
  },
  {
    sent: '11:28 03/25 11 7777 E110 00 C001\r\n',
    decoder: 'contact-id',
    reading: contactId('Fire', '7777/110/00/001', 'raised', 'critical', '11:28 03/25'),
  },
  {
    sent: '11:29 03/25 11 7777 R110 00 C001\r\n',
    decoder: 'contact-id',
    reading: contactId('Fire, restored', '7777/110/00/001', 'cleared', 'critical', '11:29 03/25'),
  },
  {
    sent: '\nF68B003B"ADM-CID"0028L0#9757[#9757|1602 00 000]_20:59:45,02-20-2024\r',
    decoder: 'dc-09',
    reading: contactId('Periodic test', '9757/602/00/000', 'event', 'info', '20:59:45,02-20-2024'),
  },
  { sent: '\nD730002F"NULL"0000R7896L7896#3456[]_17:01:26,07-26-2024\r', decoder: 'dc-09', ignored: /link test/ },
  {
    sent: '\nF92F0043"ADM-CID"0020R7896L7896#3456[#3456|1407 00 001]_17:01:14,07-26-2024\r',
    decoder: 'dc-09',
    reading: contactId('Remote arm or disarm, opened', '3456/407/00/001', 'event', 'info', '17:01:14,07-26-2024'),
  },
  { sent: '\nB0970029"NULL"0000L000#0809[]_21:00:01,02-20-2024\r', decoder: 'dc-09', ignored: /link test/ },
  { sent: '\nF68B003B"ADM-CID"0028L0#9757[#9757|1603 00 000]_20:59:45,02-20-2024\r', decoder: 'dc-09', why: /CRC/ },
  { sent: '\nF68B003C"ADM-CID"0028L0#9757[#9757|1602 00 000]_20:59:45,02-20-2024\r', decoder: 'dc-09', why: /60 octets and has 59/ },
  {
    sent: '[10000001000100003A--],008,[f702000f1008001c08020000000000],"****DISARMED****  Ready to Arm  "\r\n',
    decoder: 'alarm-decoder',
    reading: { text: '****DISARMED**** Ready to Arm', key: 'keypad', state: 'event', severity: 'info', fields: keypad },
  },
  {
    sent: '[10000001000100003A--],008,[f702000f1008001c08020000000000],"SYSTEM LO BAT                   "\r\n',
    decoder: 'alarm-decoder',
    reading: { text: 'SYSTEM LO BAT', key: 'keypad/battery', state: 'raised', severity: 'warning', fields: keypad },
  },
  {
    sent: '%00,01,1C08,08,00,****DISARMED****  Ready to Arm  $\r\n',
    decoder: 'alarm-decoder',
    reading: {
      text: '****DISARMED**** Ready to Arm',
      key: 'keypad-01',
      state: 'event',
      severity: 'info',
      fields: { partition: '01', lamps: '1C08', zone: '08' },
    },
  },
  {
    sent: ':ALARM Z001 1.1.Z1 AZF 1 ON MODULE 1 (28 CHAR) 12/08 01:23;',
    frame: colons,
    decoder: 'fire-panel',
    reading: {
      text: 'ALARM: AZF 1 ON MODULE 1 (28 CHAR) (Z001 1.1.Z1)',
      key: 'Z001/1.1.Z1/ALARM',
      state: 'raised',
      severity: 'critical',
      at: '12/08 01:23',
      fields: { zone: 'Z001', device: '1.1.Z1' },
    },
  },
  {
    sent: ':MAINS FAIL Z000 0.2.I5 MAINS FAIL 11/12 15:08;',
    frame: colons,
    decoder: 'fire-panel',
    reading: {
      text: 'MAINS FAIL (Z000 0.2.I5)',
      key: 'Z000/0.2.I5/MAINS FAIL',
      state: 'raised',
      severity: 'warning',
      at: '11/12 15:08',
      fields: { zone: 'Z000', device: '0.2.I5' },
    },
  },
  {
    sent: ':RESET ALARM Z001 1.1.Z1 AZF 1 ON MODULE 1 (28 CHAR) 12/08 01:30;',
    frame: colons,
    decoder: 'fire-panel',
    reading: {
      text: 'Reset: ALARM: AZF 1 ON MODULE 1 (28 CHAR) (Z001 1.1.Z1)',
      key: 'Z001/1.1.Z1/ALARM',
      state: 'cleared',
      severity: 'critical',
      at: '12/08 01:30',
      fields: { zone: 'Z001', device: '1.1.Z1' },
    },
  },
  {
    sent: 'Node 1\r\nStatus:ALARM 1st of 1 08/31/95 16:25\r\nFire Alarm in Ckt:26 Dev:16\r\nAdministration Building\r\nFire Alarm Heat Detector\r\n1st. Floor Room Number 101\r\n',
    frame: idle,
    decoder: 'fire-panel',
    reading: {
      text: 'ALARM: Administration Building, Fire Alarm Heat Detector, 1st. Floor Room Number 101, Fire Alarm',
      key: 'node-1/ckt-26/dev-16',
      state: 'raised',
      severity: 'critical',
      at: '08/31/95 16:25',
      fields: {
        status: 'ALARM',
        line1: 'Node 1',
        line2: 'Status:ALARM 1st of 1 08/31/95 16:25',
        line3: 'Fire Alarm in Ckt:26 Dev:16',
        line4: 'Administration Building',
        line5: 'Fire Alarm Heat Detector',
        line6: '1st. Floor Room Number 101',
      },
    },
  },
  {
    sent: '20;2D;UPM/Esic;ID=0001;TEMP=00cf;HUM=16;BAT=OK;\r\n',
    decoder: 'rflink',
    reading: {
      text: 'UPM/Esic/0001: TEMP 20.7, HUM 16, BAT OK',
      key: 'UPM/Esic/0001',
      severity: 'info',
      fields: { device: '0001', TEMP: 20.7, HUM: 16, BAT: 'OK' },
    },
  },
  {
    sent: '20;2E;UPM/Esic;ID=0001;TEMP=800d;HUM=16;BAT=LOW;\r\n',
    decoder: 'rflink',
    reading: {
      text: 'UPM/Esic/0001: TEMP -1.3, HUM 16, BAT LOW',
      key: 'UPM/Esic/0001/BAT',
      state: 'raised',
      severity: 'warning',
      fields: { device: '0001', TEMP: -1.3, HUM: 16, BAT: 'LOW' },
    },
  },
  {
    sent: '20;63;SmokeAlert;ID=1234;SMOKEALERT=ON;\r\n',
    decoder: 'rflink',
    reading: {
      text: 'SmokeAlert/1234: SMOKEALERT ON',
      key: 'SmokeAlert/1234/SMOKEALERT',
      state: 'raised',
      severity: 'critical',
      fields: { device: '1234', SMOKEALERT: 'ON' },
    },
  },
  {
    sent: '20;12;Pir;ID=aa66;PIR=ON;\r\n',
    decoder: 'rflink',
    reading: { text: 'Pir/aa66: PIR ON', key: 'Pir/aa66/PIR', state: 'raised', severity: 'warning', fields: { device: 'aa66', PIR: 'ON' } },
  },
  {
    sent: '0;0;1;0;23;455\n',
    decoder: 'mysensors',
    reading: {
      text: 'Sensor 0.0: LIGHT_LEVEL 455',
      key: 'node-0/child-0/LIGHT_LEVEL',
      severity: 'info',
      value: 455,
      fields: { node: 0, child: 0, type: 'LIGHT_LEVEL' },
    },
  },
  { sent: '0;0;3;0;9;read: 0-0-0 s=0,c=1,t=23,pt=2,l=2,sg=0:455\n', decoder: 'mysensors', ignored: /internal/ },
  { sent: 'Motion Detected\r\n', decoder: 'text', reading: { text: 'Motion Detected' } },
  { sent: 'No Motion\r\n', decoder: 'text', reading: { text: 'No Motion' } },
  { sent: 'Base: Motion Detected', frame: idle, decoder: 'text', reading: { text: 'Base: Motion Detected' } },
  {
    sent: '{"DeviceID":"TM182","Temp":25.3,"Hum":50}\r\n',
    decoder: 'json',
    reading: { text: 'DeviceID TM182, Temp 25.3, Hum 50', fields: { DeviceID: 'TM182', Temp: 25.3, Hum: 50 } },
  },
  {
    sent: '23.4,56.7\n',
    decoder: 'csv',
    options: { columns: ['value', 'humidity'] },
    reading: { text: '23.4: humidity 56.7', value: 23.4, fields: { humidity: '56.7' } },
  },
  {
    sent: 'P3 81.2C!\r\n',
    decoder: 'groups',
    options: { pattern: '(?P<key>P\\d+) (?P<value>[\\d.]+)(?P<unit>[CF])(?P<alarm>!?)' },
    reading: { text: 'P3 81.2 C: alarm !', key: 'P3', value: 81.2, unit: 'C', fields: { alarm: '!' } },
  },
  {
    sent: '$IIALR,121530.00,042,A,V,HIGH TEMP*5A\r\n',
    decoder: 'nmea',
    reading: {
      text: 'HIGH TEMP',
      key: 'II/ALR/042',
      state: 'raised',
      at: '121530.00',
      fields: { alarm: '042', acknowledged: false },
    },
  },
  {
    sent: '$IIALR,121530.00,042,A,V,HIGH TEMP*5A\r\n',
    decoder: 'nmea',
    options: { alr: 'acknowledgement-first' },
    reading: {
      text: 'HIGH TEMP (over)',
      key: 'II/ALR/042',
      state: 'cleared',
      at: '121530.00',
      fields: { alarm: '042', acknowledged: true },
    },
  },
  {
    sent: '/XMX5LGBBFG1009394887\r\n\r\n1-3:0.2.8(42)\r\n0-0:1.0.0(190101125431W)\r\n1-0:1.8.1(004169.415*kWh)\r\n!1234\r\n',
    frame: telegram,
    decoder: 'dsmr',
    reading: {
      text: 'Meter XMX5LGBBFG1009394887: deliveredLow 4169.415',
      key: 'meter/XMX5LGBBFG1009394887',
      severity: 'info',
      at: '190101125431W',
      fields: { version: 42, deliveredLow: 4169.415, crc: 'does not fit' },
    },
  },
  {
    sent: 'battery.charge: 100.0\nbattery.voltage: 13.9\n',
    frame: idle,
    decoder: 'nut',
    reading: {
      text: 'ups/ups: battery.charge 100, battery.voltage 13.9',
      key: 'ups/ups',
      severity: 'info',
      fields: { 'battery.charge': 100, 'battery.voltage': 13.9 },
    },
  },
  ...(
    [
      ['ONLINE', 'has mains again', 'power', 'cleared', 'warning'],
      ['ONBATT', 'runs on battery', 'power', 'raised', 'warning'],
      ['LOWBATT', 'battery is nearly empty', 'battery', 'raised', 'critical'],
      ['FSD', 'is being shut down', 'shutdown', 'event', 'critical'],
      ['COMMOK', 'answers again', 'communication', 'cleared', 'warning'],
      ['COMMBAD', 'does not answer', 'communication', 'raised', 'warning'],
      ['SHUTDOWN', 'the system shuts down', 'shutdown', 'event', 'critical'],
      ['REPLBATT', 'battery needs to be replaced', 'replace', 'raised', 'warning'],
      ['NOCOMM', 'cannot be reached', 'communication', 'raised', 'warning'],
    ] as const
  ).map(
    ([event, text, about, state, severity]): Sample => ({
      sent: `${event}\n`,
      decoder: 'nut',
      reading: { text: `UPS ups ${text}`, key: `ups/ups/${about}`, state, severity, fields: { event } },
    }),
  ),
  {
    sent: '20060926 143015 100 13.9 12 [OL] NA 60.0\n',
    decoder: 'nut',
    reading: {
      text: 'UPS ups has mains again',
      key: 'ups/ups/power',
      state: 'cleared',
      severity: 'warning',
      at: '20060926 143015',
      fields: { status: 'OL', charge: 100, volt: 13.9, load: 12, freq: 60 },
    },
  },
  {
    sent: 'N 01 mV +12345E-1\r\n',
    decoder: 'yokogawa',
    reading: {
      text: 'Channel 01: 1234.5 mV',
      key: '01',
      severity: 'info',
      value: 1234.5,
      unit: 'mV',
      fields: { channel: '01', status: 'N' },
    },
  },
  {
    sent: '01 2h on\r\n',
    decoder: 'yokogawa',
    reading: {
      text: 'Channel 01: alarm 2, difference high limit, on',
      key: '01/2h',
      state: 'raised',
      severity: 'warning',
      fields: { channel: '01', alarm: 2, kind: 'h' },
    },
  },
  {
    sent: '04 4H off\r\n',
    decoder: 'yokogawa',
    reading: {
      text: 'Channel 04: alarm 4, high limit, off',
      key: '04/4H',
      state: 'cleared',
      severity: 'info',
      fields: { channel: '04', alarm: 4, kind: 'H' },
    },
  },
]

/** Noise that is a frame of its own, or none, for each way of framing. */
const noise: Partial<Record<FrameOptions['kind'], string>> = {
  line: '\x00\xff~x\r\n',
  delimiter: '\xfe\x00\x14',
  between: 'zz\xff ',
  telegram: 'zz\r\n\xff',
}

function framesOf(frame: Partial<FrameOptions>, pieces: readonly Uint8Array[]): Uint8Array[] {
  const framer = createFramer({ kind: 'line', maxBytes: 4096, ...frame })
  const frames = pieces.flatMap((piece) => {
    const found = framer.push(piece)
    return framer.pending > 0 && frame.kind === 'idle' && piece.length === 0 ? [...found, ...framer.idle()] : found
  })
  return [...frames, ...framer.idle()]
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const told = (frames: readonly Uint8Array[], options: DecodeOptions = {}, decoder = 'auto') =>
  frames.map((frame) => decode(decoder, frame, { options, memory: new SourceMemory() }))

function check(found: ReturnType<typeof decode>[], { decoder, reading, ignored, why }: Sample): void {
  const one = found.find((each) => each.decoder === decoder && (reading === undefined || each.kind === 'reading'))
  assert.ok(one, `${JSON.stringify(found)}`)
  if (reading) assert.deepEqual(one.kind === 'reading' ? one.reading : one, reading)
  if (ignored) assert.match(one.kind === 'ignored' ? one.why : JSON.stringify(one), ignored)
  if (why) assert.match(one.kind === 'undecodable' ? one.why : JSON.stringify(one), why)
}

describe('a serial sample', () => {
  for (const sample of samples)
    test(`of ${sample.decoder}: ${JSON.stringify(sample.sent).slice(0, 60)}`, () => {
      const { sent, frame = {}, options } = sample
      const bytes = bytesOf(sent)
      const whole = framesOf(frame, [bytes])
      assert.equal(told(whole, options).filter((one) => one.decoder !== 'none').length, 1)
      check(told(whole, options), sample)
      check(told(whole, options, sample.decoder), sample)
      check(
        told(
          framesOf(
            frame,
            [...bytes].map((octet) => Uint8Array.of(octet)),
          ),
          options,
        ),
        sample,
      )
      const around = bytesOf(noise[frame.kind ?? 'line'] ?? '')
      const [content] = whole
      const between = framesOf(frame, [around, bytes, around]).filter((one) => Buffer.compare(one, content ?? one) === 0)
      check(told(between, options), sample)
    })
})

describe('SIA DC-09 is answered', () => {
  const answerTo = (line: string) => {
    const decoded = decode('dc-09', bytesOf(line), {})
    return {
      ...decoded,
      taken: decoded.answer && Buffer.from(decoded.answer.taken).toString(),
      refused: decoded.answer && Buffer.from(decoded.answer.refused).toString(),
    }
  }
  const framed = (content: string) =>
    `\n${crc16(bytesOf(content), 0).toString(16).toUpperCase().padStart(4, '0')}${content.length.toString(16).toUpperCase().padStart(4, '0')}${content}\r`

  test('with ACK and the sequence, receiver, prefix and account of the message', () => {
    const { taken, refused } = answerTo('F92F0043"ADM-CID"0020R7896L7896#3456[#3456|1407 00 001]_17:01:14,07-26-2024')
    assert.equal(taken, framed('"ACK"0020R7896L7896#3456[]'))
    assert.equal(refused, framed('"NAK"0000R0L0A0[]_17:01:14,07-26-2024'))
  })

  test('with NAK when it was damaged, and with DUH when it is encrypted', () => {
    const damaged = answerTo('F92F0043"ADM-CID"0020R7896L7896#3456[#3456|1408 00 001]_17:01:14,07-26-2024')
    assert.equal(damaged.kind, 'undecodable')
    assert.match(damaged.refused ?? '', /"NAK"/)
    const secret = answerTo(framed('"*ADM-CID"0001L0#1234[0123456789ABCDEF').trim())
    assert.equal(secret.kind, 'undecodable')
    assert.match(secret.refused ?? '', /"DUH"/)
  })

  test('the CRC is the one of the standard', () => {
    assert.equal(crc16(bytesOf('123456789'), 0), 0xbb3d)
    assert.equal(crc16(bytesOf('123456789'), 0xffff), 0x4b37)
  })
})

test('a keypad that shows the same again tells nothing new', () => {
  const memory = new SourceMemory()
  const line = (words: string) => bytesOf(`[10000001000100003A--],008,[f702000f1008001c08020000000000],"${words}"`)
  const hear = (words: string) => decode('auto', line(words), { memory })
  assert.equal(hear('SYSTEM LO BAT').kind, 'reading')
  assert.equal(hear('SYSTEM LO BAT').kind, 'ignored')
  assert.equal(hear('****DISARMED****').kind, 'reading')
  assert.equal(hear('****DISARMED****').kind, 'ignored')
})

test('ordinary words, pairs and JSON are nobody else’s', () => {
  for (const [words, decoder] of [
    ['Pump 3 at 81 °C', 'text'],
    ['Door: open', 'text'],
    ['Status: fine', 'text'],
    ['12;13', 'text'],
    ['1,2,3', 'text'],
    ['ALARM', 'text'],
    ['/dev/sda is full!', 'text'],
    ['$5 are missing', 'text'],
    ['20 pumps; 3 of them stopped', 'text'],
    ['key=pump-3 severity=critical text="Leak in pit"', 'pairs'],
    ['{"text":"Leak"}', 'outpost'],
    ['{"model":"x"}', 'json'],
  ] as const)
    assert.equal(decode('auto', Buffer.from(words), {}).decoder, decoder, words)
})
