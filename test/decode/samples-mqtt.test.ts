import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Reading } from '../../src/alert/alert.ts'
import { SourceMemory } from '../../src/decode/memory.ts'
import { decode, decoders } from '../../src/decode/registry.ts'

/** What MQTT devices publish, by their topics. */
type Sample = { topic: string; sent: string; decoder: string; reading?: Reading; ignored?: RegExp }

const shelly = 'shellyplusht-b8d61a8b17cc'
const shellyFields = {
  'devicepower:0.battery.V': 0.43,
  'devicepower:0.battery.percent': 0,
  'humidity:0.rh': 42.2,
  'temperature:0.tC': 19.8,
  'temperature:0.tF': 67.6,
}

const samples: readonly Sample[] = [
  {
    topic: 'tele/tasmota/SENSOR',
    sent: '{"Time":"2021-01-02T09:09:44","DS18B20-1":{"Id":"00000566CC39","Temperature":13.3},"TempUnit":"C"}',
    decoder: 'tasmota',
    reading: {
      text: 'tasmota 13.3 °C: DS18B20-1.Id 00000566CC39, DS18B20-1.Temperature 13.3, TempUnit C',
      key: 'tasmota',
      severity: 'info',
      at: '2021-01-02T09:09:44',
      value: 13.3,
      unit: '°C',
      fields: { 'DS18B20-1.Id': '00000566CC39', 'DS18B20-1.Temperature': 13.3, TempUnit: 'C' },
    },
  },
  {
    topic: 'tele/tasmota/SENSOR',
    sent: '{"Time":"2021-01-01T00:00:00","Switch1":"ON"}',
    decoder: 'tasmota',
    reading: {
      text: 'tasmota/Switch1 raised: Switch1 ON',
      key: 'tasmota/Switch1',
      state: 'raised',
      at: '2021-01-01T00:00:00',
      fields: { Switch1: 'ON' },
    },
  },
  {
    topic: 'tele/tasmota/RESULT',
    sent: '{"Time":"2020-05-27T18:59:06","RfReceived":{"Data":"0x7028D2","Bits":24,"Protocol":1,"Pulse":238}}',
    decoder: 'tasmota',
    reading: {
      text: 'tasmota: RfReceived.Data 0x7028D2, RfReceived.Bits 24, RfReceived.Protocol 1, RfReceived.Pulse 238',
      key: 'tasmota',
      at: '2020-05-27T18:59:06',
      fields: { 'RfReceived.Data': '0x7028D2', 'RfReceived.Bits': 24, 'RfReceived.Protocol': 1, 'RfReceived.Pulse': 238 },
    },
  },
  {
    topic: 'tele/x/RESULT',
    sent: '{"SSerialReceived":"01020304FAFA"}',
    decoder: 'tasmota',
    reading: { text: 'x: SSerialReceived 01020304FAFA', key: 'x', fields: { SSerialReceived: '01020304FAFA' } },
  },
  {
    topic: 'tele/tasmota_A1B2C3/LWT',
    sent: 'Online',
    decoder: 'lwt',
    reading: { text: 'tele/tasmota_A1B2C3 is online', key: 'tele/tasmota_A1B2C3/online', state: 'cleared' },
  },
  {
    topic: 'tele/tasmota_A1B2C3/LWT',
    sent: 'Offline',
    decoder: 'lwt',
    reading: { text: 'tele/tasmota_A1B2C3 is offline', key: 'tele/tasmota_A1B2C3/online', state: 'raised' },
  },
  {
    topic: 'zigbee2mqtt/FRIENDLY',
    sent: '{"occupancy": true}',
    decoder: 'zigbee2mqtt',
    reading: { text: 'FRIENDLY: occupied', key: 'FRIENDLY/occupancy', state: 'raised', severity: 'warning', fields: { occupancy: true } },
  },
  {
    topic: 'zigbee2mqtt/FRIENDLY',
    sent: '{"temperature":27.34,"humidity":44.72}',
    decoder: 'zigbee2mqtt',
    reading: {
      text: 'FRIENDLY: temperature 27.34, humidity 44.72',
      key: 'FRIENDLY',
      severity: 'info',
      fields: { temperature: 27.34, humidity: 44.72 },
    },
  },
  {
    topic: 'zigbee2mqtt/FRIENDLY',
    sent: '{"action":"single"}',
    decoder: 'zigbee2mqtt',
    reading: { text: 'FRIENDLY: single', key: 'FRIENDLY/action', fields: { action: 'single' } },
  },
  {
    topic: 'zigbee2mqtt/cellar',
    sent: '{"water_leak":true,"battery_low":false}',
    decoder: 'zigbee2mqtt',
    reading: {
      text: 'cellar: water leak',
      key: 'cellar/water_leak',
      state: 'raised',
      severity: 'critical',
      fields: { water_leak: true, battery_low: false },
    },
  },
  {
    topic: 'zigbee2mqtt/cellar',
    sent: '{"water_leak":false,"battery_low":false}',
    decoder: 'zigbee2mqtt',
    reading: {
      text: 'cellar: dry again',
      key: 'cellar/water_leak',
      state: 'cleared',
      severity: 'critical',
      fields: { water_leak: false, battery_low: false },
    },
  },
  ...(['online', '{"state":"online"}'] as const).map(
    (sent): Sample => ({
      topic: 'zigbee2mqtt/bridge/state',
      sent,
      decoder: 'zigbee2mqtt',
      reading: { text: 'zigbee2mqtt is online', key: 'zigbee2mqtt/online', state: 'cleared' },
    }),
  ),
  {
    topic: 'zigbee2mqtt/bridge/state',
    sent: 'offline',
    decoder: 'zigbee2mqtt',
    reading: { text: 'zigbee2mqtt is offline', key: 'zigbee2mqtt/online', state: 'raised' },
  },
  {
    topic: 'zigbee2mqtt/bridge/event',
    sent: '{"type":"device_leave","data":{"ieee_address":"0x90fd9ffffe6494fc","friendly_name":"my_bulb"}}',
    decoder: 'zigbee2mqtt',
    reading: {
      text: 'my_bulb has left the network',
      key: 'my_bulb/left',
      fields: { ieee_address: '0x90fd9ffffe6494fc', friendly_name: 'my_bulb' },
    },
  },
  { topic: 'zigbee2mqtt/bridge/logging', sent: '{"level":"info","message":"…"}', decoder: 'zigbee2mqtt', ignored: /itself/ },
  {
    topic: `${shelly}/events/rpc`,
    sent: `{"src":"${shelly}","dst":"${shelly}/events","method":"NotifyFullStatus","params":{"ts":1680962879.62,"devicepower:0":{"id":0,"battery":{"V":0.43,"percent":0}},"humidity:0":{"id":0,"rh":42.2},"temperature:0":{"id":0,"tC":19.8,"tF":67.6}}}`,
    decoder: 'shelly',
    reading: {
      text: `${shelly}: devicepower:0.battery.V 0.43, devicepower:0.battery.percent 0, humidity:0.rh 42.2, temperature:0.tC 19.8, temperature:0.tF 67.6`,
      key: shelly,
      severity: 'info',
      at: '1680962879.62',
      fields: shellyFields,
    },
  },
  {
    topic: 'cellar/binary_sensor/leak/state',
    sent: 'ON',
    decoder: 'esphome',
    reading: { text: 'cellar leak on', key: 'cellar/leak', state: 'raised', severity: 'warning' },
  },
  {
    topic: 'cellar/sensor/temp/state',
    sent: '21.5',
    decoder: 'esphome',
    reading: { text: 'cellar temp: 21.5', key: 'cellar/temp', severity: 'info', value: 21.5 },
  },
  {
    topic: 'cellar/status',
    sent: 'offline',
    decoder: 'lwt',
    reading: { text: 'cellar is offline', key: 'cellar/online', state: 'raised' },
  },
  {
    topic: 'msh/2/json/LongFast/!7efeee00',
    sent: '{"id":452664778,"channel":0,"from":2130636288,"payload":{},"sender":"!7efeee00","timestamp":1646832724,"to":-1,"type":"nodeinfo"}',
    decoder: 'meshtastic',
    ignored: /nodeinfo/,
  },
  {
    topic: 'msh/2/json/LongFast/!7efeee00',
    sent: '{"id":452664778,"channel":0,"from":2130636288,"payload":{"text":"Motion Detected"},"sender":"!7efeee00","timestamp":1646832724,"to":-1,"type":"text"}',
    decoder: 'meshtastic',
    reading: {
      text: 'Motion Detected',
      id: '452664778',
      key: '!7efeee00',
      at: '1646832724',
      fields: { channel: 0, sender: '!7efeee00' },
    },
  },
  { topic: 'msh/2/c/LongFast/!7efeee00', sent: '\x0a\x10', decoder: 'meshtastic', ignored: /protobuf/ },
  {
    topic: 'msh/2/stat/!7efeee00',
    sent: 'offline',
    decoder: 'meshtastic',
    reading: { text: 'Gateway !7efeee00 is offline', key: '!7efeee00/online', state: 'raised' },
  },
  {
    topic: 'spBv1.0/G1/NDEATH/E1',
    sent: '',
    decoder: 'sparkplug',
    reading: { text: 'G1/E1 is offline', key: 'G1/E1/online', state: 'raised' },
  },
  {
    topic: 'spBv1.0/G1/DDEATH/E1/D1',
    sent: '\x08\x01',
    decoder: 'sparkplug',
    reading: { text: 'G1/E1/D1 is offline', key: 'G1/E1/D1/online', state: 'raised' },
  },
  {
    topic: 'v3/app@tenant/devices/dev1/up',
    sent: '{"end_device_ids":{"device_id":"dev1"},"received_at":"2020-02-12T15:15:45Z","uplink_message":{"f_port":1,"decoded_payload":{"leak":true}}}',
    decoder: 'lorawan',
    reading: { text: 'dev1: leak true', key: 'dev1', severity: 'info', at: '2020-02-12T15:15:45Z', fields: { leak: true, port: 1 } },
  },
  {
    topic: 'v3/app@tenant/devices/dev1/join',
    sent: '{"end_device_ids":{"device_id":"dev1"},"join_accept":{}}',
    decoder: 'lorawan',
    ignored: /join/,
  },
  {
    topic: 'application/1/device/0102030405060708/event/up',
    sent: '{"deviceInfo":{"deviceName":"tank","devEui":"0102030405060708"},"fCnt":3,"object":{"level":81.5}}',
    decoder: 'lorawan',
    reading: { text: 'tank: level 81.5', key: 'tank', severity: 'info', value: 81.5, fields: { level: 81.5, frameCounter: 3 } },
  },
  {
    topic: 'rtl_433/cellar/events',
    sent: '{"time":"2026-11-24 03:12:00","model":"Acurite-Tower","id":1234,"channel":"A","battery_ok":0,"temperature_C":7.1,"humidity":40}',
    decoder: 'rtl433',
    reading: {
      text: 'Acurite-Tower/1234: battery is low',
      state: 'raised',
      key: 'Acurite-Tower/1234/battery',
      severity: 'warning',
      at: '2026-11-24 03:12:00',
      fields: { sensor: 1234, channel: 'A', battery_ok: 0, temperature_C: 7.1, humidity: 40 },
    },
  },
  {
    topic: 'te/device/main///a/temperature_high',
    sent: '{"text":"Temperature very high","severity":"critical","time":"2026-01-01T05:30:45Z","value":91}',
    decoder: 'thin-edge',
    reading: {
      text: 'Temperature very high',
      key: 'device/main/temperature_high',
      state: 'raised',
      severity: 'critical',
      at: '2026-01-01T05:30:45Z',
      value: 91,
    },
  },
  {
    topic: 'te/device/main///a/temperature_high',
    sent: '',
    decoder: 'thin-edge',
    reading: {
      text: 'device/main: temperature_high is over',
      key: 'device/main/temperature_high',
      state: 'cleared',
      severity: 'info',
    },
  },
  {
    topic: 'tedge/alarms/major/door/hut-2',
    sent: '{"text":"Door open"}',
    decoder: 'thin-edge',
    reading: { text: 'Door open', key: 'hut-2/door', state: 'raised', severity: 'critical' },
  },
]

const hear = (topic: string, sent: string | Uint8Array, memory = new SourceMemory(), decoder = 'auto') =>
  decode(decoder, typeof sent === 'string' ? Buffer.from(sent) : sent, { topic, memory })

describe('an MQTT sample', () => {
  for (const { topic, sent, decoder, reading, ignored } of samples)
    test(`of ${decoder}: ${topic} ${sent.slice(0, 40)}`, () => {
      for (const found of [hear(topic, sent), hear(topic, sent, new SourceMemory(), decoder)]) {
        assert.equal(found.decoder, decoder)
        if (reading) assert.deepEqual(found.kind === 'reading' ? found.reading : found, reading)
        if (ignored) assert.match(found.kind === 'ignored' ? found.why : JSON.stringify(found), ignored)
      }
    })
})

test('every decoder with a sample of its own recognises it', () => {
  const own = decoders.filter((one) => one.sample)
  assert.ok(own.length >= 15)
  for (const { name, sample } of own) {
    const found = hear(sample?.topic ?? '', sample?.text ?? '')
    assert.equal(found.decoder, name)
    assert.equal(found.kind, 'reading', name)
  }
})

test('a Shelly that says only what changed is told with what it said before', () => {
  const memory = new SourceMemory()
  const [full] = samples.filter((one) => one.decoder === 'shelly')
  hear(full?.topic ?? '', full?.sent ?? '', memory)
  const next = hear(
    `${shelly}/events/rpc`,
    `{"src":"${shelly}","method":"NotifyStatus","params":{"ts":1,"humidity:0":{"id":0,"rh":43}}}`,
    memory,
  )
  assert.deepEqual(next.kind === 'reading' ? next.reading.fields : next, { ...shellyFields, 'humidity:0.rh': 43 })
  assert.equal(next.kind === 'reading' && next.reading.value, 43)
})

test('Home Assistant names topics, and what is heard there is told by those names', () => {
  const memory = new SourceMemory()
  const config = '{"name":"Cellar leak","~":"home/cellar","stat_t":"~/leak","dev_cla":"moisture"}'
  assert.equal(hear('homeassistant/binary_sensor/cellar/leak/config', config, memory).kind, 'ignored')
  const wet = hear('home/cellar/leak', 'ON', memory)
  assert.deepEqual(wet.kind === 'reading' ? [wet.reading.text, wet.reading.state, wet.reading.severity] : wet, [
    'Cellar leak on',
    'raised',
    'critical',
  ])
  assert.equal(hear('home/cellar/other', 'ON', memory).decoder, 'text')
})

/** The wire format of protobuf, as little of it as a Sparkplug message needs. */
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))])
const lengthed = (number: number, octets: readonly number[]): number[] => [...varint(number * 8 + 2), ...varint(octets.length), ...octets]
const text = (number: number, words: string): number[] => lengthed(number, [...Buffer.from(words)])
const double = (number: number, value: number): number[] => [...varint(number * 8 + 1), ...new Uint8Array(Float64Array.of(value).buffer)]
const metric = (...parts: number[][]): number[] => lengthed(2, parts.flat())

test('Sparkplug data is told by the names that the birth gave, and a birth ends a death', () => {
  const memory = new SourceMemory()
  const birth = Uint8Array.from([
    ...metric(text(1, 'bdSeq'), [...varint(3 * 8), ...varint(1000)], [...varint(4 * 8), 8], [...varint(11 * 8), 0]),
    ...metric(text(1, 'Tank/Level'), [...varint(2 * 8), 5], [...varint(4 * 8), 10], double(13, 80)),
  ])
  const born = hear('spBv1.0/G1/DBIRTH/E1/D1', birth, memory)
  assert.deepEqual(born.kind === 'reading' ? born.reading : born, {
    text: 'G1/E1/D1 is online',
    key: 'G1/E1/D1/online',
    state: 'cleared',
    fields: { 'metric.Tank/Level': 80 },
  })
  const data = Uint8Array.from(metric([...varint(2 * 8), 5], double(13, 81.5)))
  const told = hear('spBv1.0/G1/DDATA/E1/D1', data, memory)
  assert.deepEqual(told.kind === 'reading' ? told.reading : told, {
    text: 'G1/E1/D1: Tank/Level 81.5',
    key: 'G1/E1/D1/Tank/Level',
    severity: 'info',
    value: 81.5,
    fields: { 'metric.Tank/Level': 81.5 },
  })
  const strange = hear('spBv1.0/G1/DDATA/E1/D2', data, memory)
  assert.match(strange.kind === 'reading' ? strange.reading.text : '', /alias 5 81.5/)
  assert.equal(hear('spBv1.0/G1/DDATA/E1/D1', Uint8Array.of(0x12, 0x7f, 1), memory).kind, 'undecodable')
})

test('JSON with paths finds text, value and key where the settings say', () => {
  const options = { paths: { value: 'SENSOR.DS18B20-1.Temperature', key: 'items.0.name', text: 'dotted.name' } } as const
  const sent = '{"SENSOR":{"DS18B20-1":{"Temperature":13.3}},"items":[{"name":"cellar"}],"dotted.name":"warm"}'
  const found = decode('json', Buffer.from(sent), { options })
  assert.deepEqual(found.kind === 'reading' ? [found.reading.value, found.reading.key, found.reading.text] : found, [
    13.3,
    'cellar',
    'warm',
  ])
  const nowhere = decode('json', Buffer.from('{"a":1}'), { options: { paths: { value: '__proto__.x', key: 'a.b.c' } } })
  assert.deepEqual(nowhere.kind === 'reading' ? nowhere.reading.fields : nowhere, { a: 1 })
})

test('whatever is published, nothing is thrown, and what is told has words', () => {
  const topics = fc.constantFrom(
    ...samples.map((one) => one.topic),
    'homeassistant/x/y/config',
    'alerts/x',
    'spBv1.0/G/NDATA/E',
    'spBv1.0/G/NBIRTH/E',
  )
  const mutated = fc
    .tuple(fc.constantFrom(...samples.map((one) => one.sent)), fc.nat(200), fc.string({ maxLength: 4 }), fc.nat(8))
    .map(([sent, at, put, cut]) => Buffer.from(sent.slice(0, at) + put + sent.slice(at + cut)))
  const anything = fc.oneof(
    mutated,
    fc.uint8Array({ maxLength: 60 }),
    fc.json().map((one) => Buffer.from(one)),
  )
  const memory = new SourceMemory()
  fc.assert(
    fc.property(topics, anything, fc.constantFrom('auto', ...decoders.map((one) => one.name)), (topic, bytes, name) => {
      const found = decode(name, bytes, { topic, memory })
      if (found.kind === 'reading') assert.notEqual(found.reading.text.trim(), '')
      else assert.notEqual(found.why, '')
      for (const one of found.kind === 'undecodable' ? [] : (found.besides ?? [])) assert.notEqual(one.text.trim(), '')
    }),
    { numRuns: 3000 },
  )
})
