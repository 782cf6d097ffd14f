import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type LineSettings, type Serial, SerialError, type SerialEvents, type SerialLine } from '../../src/ports/serial.ts'
import { type ModbusOptions, type ModbusPoint, modbusSource, turnsOf } from '../../src/source/modbus.ts'
import { numberIn, replyIn, requestOf, sealed } from '../../src/source/modbus-frame.ts'
import type { Taken } from '../../src/source/source.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimRandom } from '../sim/world/random.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** A bus with servers that answer as MODBUS over Serial Line says, and a line that can be spoiled. */
class Bus implements Serial {
  readonly registers = new Map<number, number>()
  readonly bits = new Map<number, boolean>()
  readonly asked: number[][] = []
  mute = false
  spoil = false
  echo = false
  exception = 0
  unplugged = false
  #on: SerialEvents | undefined
  readonly #timeline: Timeline

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  async open(line: LineSettings, on: SerialEvents): Promise<SerialLine> {
    if (this.unplugged) throw new SerialError(`${line.path}: no such device`, 'ENOENT')
    this.#on = on
    return {
      write: async (bytes) => {
        this.asked.push([...bytes.subarray(0, 6)])
        const answer = this.#answer(bytes)
        if (this.echo) on.data(bytes)
        // An octet at a time, as they come from a slow line.
        if (!this.mute) this.#timeline.at(20, () => answer.forEach((octet) => void on.data(Uint8Array.of(octet))))
      },
      close: async () => {},
    }
  }

  list = async () => []
  look = async () => ({ kind: 'missing' as const })

  unplug(): void {
    this.unplugged = true
    this.#on?.closed('the adapter was unplugged')
  }

  #answer(request: Uint8Array): Uint8Array {
    const [server = 0, code = 0] = request
    const view = new DataView(request.buffer, request.byteOffset)
    const [address, count] = [view.getUint16(2), view.getUint16(4)]
    if (this.exception > 0) return sealed([server, code | 0x80, this.exception])
    const data: number[] = []
    if (code <= 2) {
      for (let at = 0; at < count; at += 8) data.push(0)
      for (let at = 0; at < count; at++) if (this.bits.get(address + at)) data[at >> 3] = (data[at >> 3] ?? 0) | (1 << (at & 7))
    } else
      for (let at = 0; at < count; at++) {
        const value = this.registers.get(address + at) ?? 0
        data.push(value >> 8, value & 0xff)
      }
    const frame = sealed([server, code, data.length, ...data])
    if (this.spoil) frame[3] = (frame[3] ?? 0) ^ 0x55
    return frame
  }
}

const point = (over: Partial<ModbusPoint>): ModbusPoint => ({
  name: 'level',
  server: 1,
  table: 'holding',
  address: 0,
  number: { type: 'uint16', wordOrder: 'big' },
  scale: 1,
  offset: 0,
  deadband: 0,
  normal: false,
  ...over,
})

function scene(points: readonly ModbusPoint[], raised: readonly string[] = []) {
  const timeline = new Timeline()
  const bus = new Bus(timeline)
  const said: Record<string, unknown>[] = []
  const gateway: { answer: Taken } = { answer: { kind: 'accepted', id: '1', number: 1, repeated: false } }
  const options: ModbusOptions = {
    id: 'plc',
    line: { path: '/dev/ttyUSB0', baudRate: 9600, dataBits: 8, parity: 'even', stopBits: 1, flow: 'none' },
    everyMs: 10_000,
    answerMs: 500,
    points,
  }
  const heard: string[] = []
  const logged: { event: string; facts: Record<string, unknown> }[] = []
  const source = modbusSource(options, bus, {
    clock: new SimClock(timeline, 'boot'),
    random: new SimRandom(1),
    log: (_, event, facts = {}) => logged.push({ event, facts }),
    take: async ({ bytes }) => {
      if (gateway.answer.kind === 'accepted') said.push(JSON.parse(Buffer.from(bytes).toString()))
      return gateway.answer
    },
    raised: (_, key) => raised.includes(key),
    heard: (id) => heard.push(id),
  })
  source.start()
  return { bus, said, heard, source, gateway, logged, live: (ms: number) => timeline.run(timeline.now + ms) }
}

describe('frames', () => {
  test('a request is that of the specification: read 3 holding registers from 107 of server 17', () => {
    const request = requestOf({ server: 17, table: 'holding', address: 107, count: 3 })
    assert.deepEqual([...request], [0x11, 0x03, 0x00, 0x6b, 0x00, 0x03, 0x76, 0x87])
  })

  test('the answer 01 03 02 00 EB is the number 235, fed one octet at a time, in one piece, and with noise before and behind', () => {
    const frame = sealed([0x01, 0x03, 0x02, 0x00, 0xeb])
    const ask = { server: 1, table: 'holding', address: 0, count: 1 } as const
    for (let cut = 0; cut < frame.length; cut++) assert.equal(replyIn(frame.subarray(0, cut), ask), undefined)
    for (const heard of [frame, Uint8Array.from([0xff, 0x01, 0x03, ...frame]), Uint8Array.from([...requestOf(ask), ...frame, 0, 0xfe])]) {
      const reply = replyIn(heard, ask)
      assert.equal(reply?.kind === 'data' && numberIn(reply.data, 0, { type: 'int16', wordOrder: 'big' }), 235)
    }
    frame[4] = 0xec
    assert.equal(replyIn(frame, ask), undefined, 'a spoiled answer is none')
  })

  test('numbers of 32 bits stand in either order of their registers', () => {
    const data = Uint8Array.from([0x42, 0xa2, 0x66, 0x66])
    assert.equal(numberIn(data, 0, { type: 'float32', wordOrder: 'big' })?.toFixed(1), '81.2')
    const swapped = Uint8Array.from([0x66, 0x66, 0x42, 0xa2])
    assert.equal(numberIn(swapped, 0, { type: 'float32', wordOrder: 'little' })?.toFixed(1), '81.2')
    assert.equal(numberIn(Uint8Array.from([0xff, 0xfe]), 0, { type: 'int16', wordOrder: 'big' }), -2)
    assert.equal(numberIn(Uint8Array.from([0x7f, 0xc0, 0, 0]), 0, { type: 'float32', wordOrder: 'big' }), undefined)
  })

  test('neighbours are read together, within what a server holds', () => {
    const wide = { type: 'int32', wordOrder: 'big' } as const
    const points = [
      point({ address: 4 }),
      point({ address: 0, number: wide }),
      point({ address: 2, number: wide }),
      point({ address: 300 }),
    ]
    assert.deepEqual(
      turnsOf(points).map(({ ask }) => [ask.address, ask.count]),
      [
        [0, 5],
        [300, 1],
      ],
    )
    const many = Array.from({ length: 250 }, (_, address) => point({ address }))
    assert.ok(turnsOf(many).every(({ ask }) => ask.count <= 100))
  })
})

describe('polling', () => {
  test('a number is told when it moved by its deadband, scaled and with its unit', async () => {
    const { bus, said, live } = scene([point({ name: 'pressure', scale: 0.1, unit: 'bar', deadband: 0.5 })])
    bus.registers.set(0, 234)
    await live(1000)
    bus.registers.set(0, 236)
    await live(10_000)
    bus.registers.set(0, 240)
    await live(10_000)
    assert.deepEqual(
      said.map((one) => [one.text, one.value, one.unit, one.key, one.severity]),
      [
        ['pressure 23.4 bar', 23.4, 'bar', 'pressure', 'info'],
        ['pressure 24 bar', 24, 'bar', 'pressure', 'info'],
      ],
    )
  })

  test('a bit raises when it leaves its normal state and clears when it returns', async () => {
    const { bus, said, live } = scene([
      point({ name: 'door', table: 'discrete', address: 9, severity: 'critical', text: 'Door open' }),
      point({ name: 'mains', table: 'discrete', address: 1, normal: true, text: 'Mains failed' }),
    ])
    bus.bits.set(1, true)
    await live(25_000)
    assert.equal(said.length, 0)
    bus.bits.set(9, true)
    bus.bits.set(1, false)
    await live(10_000)
    bus.bits.set(9, false)
    await live(10_000)
    assert.deepEqual(
      said.map((one) => [one.text, one.state, one.severity]),
      [
        ['Mains failed', 'raised', 'warning'],
        ['Door open', 'raised', 'critical'],
        ['Door open is over', 'cleared', 'info'],
      ],
    )
  })

  test('whoever watches for silence hears of each poll that is answered, whether or not anything changed', async () => {
    const { bus, said, heard, live } = scene([point({ name: 'door', table: 'discrete' }), point({ server: 2, address: 4 })])
    await live(5000)
    said.length = 0
    heard.length = 0
    await live(60_000)
    assert.deepEqual(said, [])
    assert.equal(heard.length, 12)
    assert.equal(heard[0], 'plc')
    bus.exception = 2
    await live(10_000)
    assert.equal(heard.length, 14, 'a refusal is an answer, too')
    bus.mute = true
    await live(60_000)
    assert.equal(heard.length, 14)
  })

  test('what an earlier life raised is not raised again, and is cleared when it is over', async () => {
    const { bus, said, live } = scene([point({ name: 'door', table: 'coil' })], ['door', 'server-1'])
    bus.bits.set(0, true)
    await live(15_000)
    bus.bits.set(0, false)
    await live(10_000)
    assert.deepEqual(
      said.map((one) => [one.key, one.state]),
      [
        ['server-1', 'cleared'],
        ['door', 'cleared'],
      ],
    )
  })

  test('a server that is silent or spoiled three times is an alert, once, and its return another', async () => {
    for (const fault of ['mute', 'spoil'] as const) {
      const { bus, said, source, live } = scene([point({})])
      await live(5000)
      bus[fault] = true
      await live(20_000)
      assert.equal(said.length, 1, 'two polls may fail')
      await live(60_000)
      assert.match(source.state().why ?? '', /no answer from server 1/)
      bus[fault] = false
      await live(20_000)
      assert.deepEqual(
        said.slice(1).map((one) => [one.text, one.state]),
        [
          [`Modbus server 1 on plc: ${fault === 'mute' ? 'no answer' : 'its answers are spoiled'}`, 'raised'],
          ['Modbus server 1 on plc answers again', 'cleared'],
        ],
      )
    }
  })

  test('a silent server does not hold up the others, and an adapter that hears itself is understood', async () => {
    const { bus, said, live } = scene([point({ name: 'a', server: 1 }), point({ name: 'b', server: 2 })])
    bus.echo = true
    await live(2000)
    assert.deepEqual(
      said.map((one) => one.key),
      ['a', 'b'],
    )
  })

  test('what could not be taken is offered again with the next poll', async () => {
    const { bus, said, gateway, live } = scene([point({ name: 'door', table: 'coil' })])
    gateway.answer = { kind: 'refused', why: 'the disk is full', hint: '', again: true }
    bus.bits.set(0, true)
    await live(30_000)
    gateway.answer = { kind: 'accepted', id: '1', number: 1, repeated: false }
    await live(10_000)
    assert.deepEqual(
      said.map((one) => one.state),
      ['raised'],
    )
  })

  test('a server that refuses is told in the log, with what to do, and once', async () => {
    const { bus, said, logged, live } = scene([point({})])
    bus.exception = 2
    await live(50_000)
    const refused = logged.filter(({ event }) => event === 'modbus: a server refuses a request')
    assert.deepEqual(
      refused.map(({ facts }) => facts.why),
      ['it has no such address: see its manual, and whether that counts from 0 or 1'],
    )
    assert.deepEqual(said, [])
  })

  test('a line that is lost is opened again', async () => {
    const { bus, said, source, live } = scene([point({})])
    await live(2000)
    bus.unplug()
    await live(2000)
    assert.equal(source.state().state, 'down')
    bus.unplugged = false
    bus.registers.set(0, 7)
    await live(60_000)
    assert.equal(source.state().state, 'up')
    assert.deepEqual(
      said.map((one) => one.value),
      [0, 7],
    )
    await source.stop()
    assert.equal(source.state().state, 'stopped')
  })
})
