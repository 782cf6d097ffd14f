import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Severity } from '../../src/alert/alert.ts'
import { stampNow } from '../../src/alert/stamp.ts'
import { intake } from '../../src/gateway/intake.ts'
import { type Level, silent } from '../../src/ports/log.ts'
import {
  type LineSettings,
  type Serial,
  SerialError,
  type SerialEvents,
  type SerialLine,
  type SerialLook,
  type SerialPortFacts,
} from '../../src/ports/serial.ts'
import { Remains } from '../../src/source/remains.ts'
import { answerTo, type SerialSourceOptions, serialSource } from '../../src/source/serial.ts'
import type { Heard, Take, Taken } from '../../src/source/source.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimRandom } from '../sim/world/random.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** A box with serial adapters that are plugged in and out. */
class Box implements Serial {
  plugged: SerialPortFacts[] = [{ path: '/dev/ttyUSB0', byId: 'A' }]
  readonly opened: string[] = []
  readonly answers: string[] = []
  closed = 0
  #on: SerialEvents | undefined
  stuck = false

  async open(line: LineSettings, on: SerialEvents): Promise<SerialLine> {
    this.opened.push(line.path)
    if (!this.plugged.some((port) => port.path === line.path || port.byId === line.path))
      throw new SerialError(`${line.path}: no such device`, 'ENOENT')
    this.#on = on
    return {
      write: (bytes) => {
        if (this.stuck) return new Promise(() => {})
        this.answers.push(Buffer.from(bytes).toString('latin1'))
        return Promise.resolve()
      },
      close: async () => {
        this.closed++
      },
    }
  }

  list = async (): Promise<SerialPortFacts[]> => this.plugged

  look = async (path: string): Promise<SerialLook> =>
    this.plugged.some((port) => port.path === path || port.byId === path) ? { kind: 'line', path, heldBy: [] } : { kind: 'missing' }

  says(text: string): void {
    this.#on?.data(Buffer.from(text, 'latin1'))
  }

  unplug(): void {
    this.plugged = []
    this.#on?.closed('the adapter was unplugged')
  }
}

const accepted = (heard: Heard, number = 1): Taken => ({
  kind: 'accepted',
  id: Buffer.from(heard.bytes).toString(),
  number,
  repeated: false,
})
const full: Taken = { kind: 'refused', why: 'the disk\r\nis full', hint: '', again: true }

function scene(options: Partial<SerialSourceOptions> & { path?: string } = {}, remains = new Remains()) {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'boot')
  const box = new Box()
  const taken: string[] = []
  const logged: { level: Level; event: string; facts: Record<string, unknown> }[] = []
  const gateway = { take: async (heard: Heard): Promise<Taken> => accepted(heard) }
  const { path = '/dev/ttyUSB0', ...rest } = options
  const source = serialSource(
    {
      id: 'plc',
      line: { path, baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1, flow: 'none' },
      frame: { kind: 'line', maxBytes: 4096 },
      acknowledge: 'none',
      ...rest,
    },
    box,
    {
      clock,
      random: new SimRandom(1),
      log: (level, event, facts = {}) => logged.push({ level, event, facts }),
      take: async (heard) => {
        const answer = await gateway.take(heard)
        if (answer.kind === 'accepted') taken.push(Buffer.from(heard.bytes).toString('latin1'))
        return answer
      },
      remains,
    },
  )
  const live = (ms: number) => timeline.run(timeline.now + ms)
  return { box, source, taken, logged, gateway, live, clock, remains }
}

/** A gateway that decodes, and takes no alert of a severity for which its journal is too full. */
function understood(gateway: { take: Take }) {
  const found = { told: [] as string[], offered: [] as string[], decoded: [] as string[], stamps: [] as number[] }
  const room: { full: Severity[] } = { full: [] }
  const take = intake({
    log: silent,
    decoderOf: () => 'auto',
    offer: async ({ text, severity = 'warning' }, heard) => {
      found.offered.push(text)
      if (room.full.includes(severity)) return full
      found.told.push(text)
      found.stamps.push(heard.heardAt?.mono ?? -1)
      return accepted(heard)
    },
  })
  gateway.take = (heard) => {
    found.decoded.push(Buffer.from(heard.bytes).toString())
    return take(heard)
  }
  return { ...found, room }
}

/** A source that listens already. */
async function started(options: Parameters<typeof scene>[0] = {}) {
  const all = scene(options)
  all.source.start()
  await all.live(1)
  return all
}

describe('acknowledgement', () => {
  test('frames are taken one at a time and in their order, and answered only when they are durable', async () => {
    const { box, gateway, live, source } = await started({ acknowledge: 'ack-nak' })
    const asked: string[] = []
    const durable: (() => void)[] = []
    gateway.take = (heard) => {
      asked.push(Buffer.from(heard.bytes).toString())
      return new Promise((resolve) => durable.push(() => resolve(accepted(heard))))
    }
    box.says('one\ntwo\nthree\n')
    await live(60_000)
    assert.deepEqual(asked, ['one'])
    assert.deepEqual(box.answers, [])
    durable[0]?.()
    await live(1)
    assert.deepEqual(asked, ['one', 'two'])
    assert.deepEqual(box.answers, ['\x06'])
    durable[1]?.()
    await live(1)
    durable[2]?.()
    await live(1)
    assert.deepEqual(box.answers, ['\x06', '\x06', '\x06'])
    assert.equal(source.state().heard, 3)
  })

  test('each answer says what became of the frame, in the words of the line', () => {
    const words = (taken: Taken, kind: SerialSourceOptions['acknowledge']) => Buffer.from(answerTo(taken, kind) ?? []).toString('latin1')
    const yes: Taken = { kind: 'accepted', id: '42', number: 1, repeated: true }
    const nothing: Taken = { kind: 'ignored', why: 'a heartbeat' }
    assert.deepEqual(
      [yes, nothing, full].map((taken) => words(taken, 'line')),
      ['OK 42\r\n', 'OK -\r\n', 'NO the disk is full\r\n'],
    )
    assert.deepEqual(
      [yes, nothing, full].map((taken) => words(taken, 'ack-nak')),
      ['\x06', '\x06', '\x15'],
    )
    assert.equal(answerTo(yes, 'none'), undefined)
    const long = words({ kind: 'refused', why: 'x'.repeat(1000), hint: '', again: false }, 'line')
    assert.equal(Buffer.from(long, 'latin1').toString(), `NO ${'x'.repeat(79)}…\r\n`)
  })

  test('a frame that could not be taken for a fault is refused, and the next one is served', async () => {
    const { box, gateway, live } = await started({ acknowledge: 'line' })
    gateway.take = () => Promise.reject(new Error('a bug'))
    box.says('one\n')
    await live(1)
    gateway.take = async (heard) => accepted(heard)
    box.says('two\n')
    await live(1)
    assert.deepEqual(box.answers, ['NO a fault in the gateway\r\n', 'OK two\r\n'])
  })

  test('an answer is never given on another opening of the line than the question', async () => {
    const { box, gateway, live } = await started({ acknowledge: 'ack-nak' })
    const durable = Promise.withResolvers<void>()
    gateway.take = async (heard) => {
      await durable.promise
      return accepted(heard)
    }
    box.says('one\n')
    await live(1)
    const ports = box.plugged
    box.unplug()
    box.plugged = ports
    await live(5000)
    assert.equal(box.opened.length, 2)
    durable.resolve()
    await live(1)
    assert.deepEqual(box.answers, [])
  })

  test('a device that stopped the line does not stop the alerts behind', async () => {
    const { box, live, taken } = await started({ acknowledge: 'ack-nak' })
    box.stuck = true
    box.says('one\ntwo\n')
    await live(4000)
    assert.deepEqual(taken, ['one'])
    await live(2000)
    assert.deepEqual(taken, ['one', 'two'])
  })

  test('a torn frame is left unanswered, so that the device says it again; where nobody answers it is taken as it is', async () => {
    for (const acknowledge of ['ack-nak', 'none'] as const) {
      const { box, live, taken, source } = await started({ acknowledge })
      box.says('pump 3 at 8')
      await live(11_000)
      assert.deepEqual(box.answers, [])
      assert.deepEqual(taken, acknowledge === 'none' ? ['pump 3 at 8'] : [])
      assert.equal(source.state().overruns, acknowledge === 'none' ? 0 : 1)
    }
  })
})

describe('a sensor that does not listen', () => {
  test('what was refused for now is tried every second until it is taken, before all that came after', async () => {
    const { box, gateway, live } = await started()
    const { told, offered, room } = understood(gateway)
    room.full = ['info', 'warning', 'critical']
    box.says('one\ntwo\n')
    await live(4500)
    assert.deepEqual(offered, ['one', 'one', 'one', 'one', 'one'])
    room.full = []
    await live(1000)
    assert.deepEqual(told, ['one', 'two'])
  })

  test('what is worse is taken past it, and what is as bad or better waits', async () => {
    const { box, gateway, live, source } = await started()
    const { told, offered, room } = understood(gateway)
    room.full = ['info']
    const says = (text: string, severity: string) => box.says(`${JSON.stringify({ text, severity })}\n`)
    says('coffee', 'info')
    await live(3000)
    says('tea', 'info')
    says('flood', 'critical')
    says('damp', 'warning')
    await live(2000)
    assert.deepEqual(told, ['flood', 'damp'])
    room.full = ['info', 'warning']
    says('wet', 'warning')
    await live(2000)
    room.full = ['info', 'critical']
    says('fire', 'critical')
    says('smoke', 'warning')
    await live(3000)
    assert.deepEqual(told, ['flood', 'damp', 'wet'], 'a warning does not pass a critical one')
    assert.equal(source.state().heard, 3)
    offered.length = 0
    await live(60_000)
    assert.deepEqual(new Set(offered), new Set(['coffee', 'fire']), 'only those are asked for that may be next')
    assert.equal(offered.length, 120)
    room.full = []
    await live(1000)
    assert.deepEqual(told, ['flood', 'damp', 'wet', 'coffee', 'tea', 'fire', 'smoke'])
    assert.equal(source.state().heard, 7)
  })

  test('it is not over before it began: a clear waits for its raise, however bad it is', async () => {
    const { box, gateway, live } = await started()
    const { told, room } = understood(gateway)
    const says = (text: string, key: string, state: string, severity: string) =>
      box.says(`${JSON.stringify({ text, key, state, severity })}\n`)
    room.full = ['info']
    says('door open', 'door', 'raised', 'info')
    says('door shut', 'door', 'cleared', 'critical')
    says('window shut', 'window', 'cleared', 'critical')
    says('door forced', 'door', 'raised', 'critical')
    await live(5000)
    assert.deepEqual(told, ['window shut'], 'nor does a raise pass the clear before it')
    room.full = []
    await live(1000)
    assert.deepEqual(told, ['window shut', 'door open', 'door shut', 'door forced'])
  })

  test('of a frame that says several things, what there is room for is taken, and the rest is kept and told once', async () => {
    const { box, gateway, live } = await started()
    const { told, offered, decoded, room } = understood(gateway)
    room.full = ['warning']
    box.says('20260926 143015 10 11.9 12 [OB LB] NA 60.0\n')
    await live(2500)
    assert.deepEqual(told, ['UPS ups battery is nearly empty'])
    assert.deepEqual(offered.slice(1), Array(3).fill('UPS ups runs on battery'))
    room.full = []
    await live(5000)
    assert.deepEqual(told, ['UPS ups battery is nearly empty', 'UPS ups runs on battery'])
    assert.equal(decoded.length, 1)
  })

  test('a frame that met a fault is kept as the things that it says once it is understood', async () => {
    const { box, gateway, live } = await started()
    const { told, room } = understood(gateway)
    const { take } = gateway
    gateway.take = async () => {
      throw new Error('a bug')
    }
    box.says('20260926 143015 10 11.9 12 [OB LB] NA 60.0\n')
    await live(10)
    gateway.take = take
    room.full = ['critical', 'warning']
    await live(3000)
    assert.deepEqual(told, [])
    room.full = []
    await live(3000)
    assert.deepEqual(told, ['UPS ups battery is nearly empty', 'UPS ups runs on battery'])
  })

  test('a frame that a fault in the gateway refuses keeps nobody back, and is tried again', async () => {
    const { box, gateway, live, taken, source } = await started()
    let broken = true
    gateway.take = async (heard) => {
      if (broken && heard.bytes[0] === 0x21) throw new Error('a bug')
      return accepted(heard)
    }
    box.says('!\ngood\n')
    await live(1)
    assert.deepEqual(taken, ['good'])
    broken = false
    await live(1000)
    assert.deepEqual(taken, ['good', '!'])
    assert.equal(source.state().heard, 2)
  })

  test('a frame is understood once, and says when it was heard', async () => {
    const { box, gateway, live, clock } = await started()
    const { stamps, decoded, room } = understood(gateway)
    room.full = ['warning']
    await live(5000)
    const { mono } = stampNow(clock)
    box.says('one\n')
    await live(60_000)
    room.full = []
    await live(1000)
    assert.deepEqual(stamps, [mono])
    assert.deepEqual(decoded, ['one'])
  })

  test('what can never be taken does not hold up the rest', async () => {
    const { box, gateway, live, taken } = await started()
    gateway.take = async (heard) => (heard.bytes[0] === 0x21 ? { ...full, again: false } : accepted(heard))
    box.says('!\ngood\n')
    await live(1)
    assert.deepEqual(taken, ['good'])
  })

  test('while nothing is taken, the oldest thousand frames are kept, the others counted, and the log stays short', async () => {
    const { box, gateway, live, logged, source } = await started()
    const { told, room } = understood(gateway)
    room.full = ['warning']
    for (let count = 0; count < 5000; count++) box.says(`${count}\n`)
    await live(1)
    assert.equal(source.state().overruns, 4000)
    assert.ok(logged.length < 30)
    room.full = []
    await live(2000)
    assert.equal(told.length, 1000)
    assert.equal(told.at(-1), '999')
  })

  test('where a thousand are kept, the worse ones stay, the oldest of each', async () => {
    const { box, gateway, live, source } = await started()
    const { told, room } = understood(gateway)
    room.full = ['info', 'critical']
    for (let count = 0; count < 1000; count++) box.says(`{"text":"i${count}","severity":"info"}\n`)
    await live(1500)
    for (let count = 0; count < 5; count++)
      box.says(`{"text":"c${count}","severity":"critical"}\n{"text":"late${count}","severity":"info"}\n`)
    await live(1500)
    assert.equal(source.state().overruns, 10)
    room.full = []
    await live(1500)
    assert.equal(told.length, 1000)
    assert.deepEqual(told.slice(-6), ['i994', 'c0', 'c1', 'c2', 'c3', 'c4'])
  })

  test('where frames that met a fault turn out to say several things, a thousand of these are kept, the oldest of the worse, and the others counted', async () => {
    const { box, gateway, live, source } = await started()
    const faulty = async (): Promise<Taken> => {
      throw new Error('a bug')
    }
    gateway.take = faulty
    for (let count = 0; count < 1000; count++) box.says(`${count}\n`)
    await live(1)
    const told: string[] = []
    let room = false
    gateway.take = async (heard) => {
      const text = Buffer.from(heard.bytes).toString()
      const held = (['critical', 'info'] as const).map((severity, place) => ({
        severity,
        place,
        state: 'event' as const,
        offer: async () => {
          if (!room) return full
          told.push(`${severity} ${text}`)
          return accepted(heard)
        },
      }))
      return { ...full, held }
    }
    await live(1000)
    assert.equal(source.state().overruns, 1000)
    room = true
    await live(1000)
    assert.equal(told.length, 1000)
    assert.deepEqual([told[0], told.at(-1)], ['critical 0', 'critical 999'])
  })

  test('large frames are bounded in octets, those that come and those that are kept', async () => {
    const { box, gateway, live, source } = await started({ frame: { kind: 'line', maxBytes: 65_536 } })
    const { room } = understood(gateway)
    room.full = ['warning']
    for (let count = 0; count < 20; count++) box.says(`${'x'.repeat(65_536)}\n`)
    await live(1)
    assert.equal(source.state().overruns, 4)
    for (let count = 0; count < 20; count++) box.says(`${'y'.repeat(65_536)}\n`)
    await live(2000)
    assert.equal(source.state().overruns, 24)
  })
})

describe('the line', () => {
  test('a line that is missing is tried again for ever, at most every 36 seconds', async () => {
    const { box, source, live } = scene()
    box.plugged = []
    source.start()
    await live(1)
    assert.equal(source.state().state, 'down')
    assert.match(source.state().why ?? '', /no such device/)
    await live(3_600_000)
    assert.ok(box.opened.length > 100 && box.opened.length < 200, `${box.opened.length}`)
    box.plugged = [{ path: '/dev/ttyUSB0' }]
    await live(36_000)
    assert.equal(source.state().state, 'up')
  })

  test('an adapter that comes back under another number is followed (BlackZork/mqmgateway#9)', async () => {
    const { box, live, taken, source } = await started()
    await live(20_000)
    box.unplug()
    await live(5000)
    assert.equal(source.state().state, 'down')
    box.plugged = [
      { path: '/dev/ttyUSB0', byId: 'a stranger' },
      { path: '/dev/ttyUSB1', byId: 'A' },
    ]
    await live(60_000)
    assert.equal(box.opened.at(-1), '/dev/ttyUSB1')
    box.says('again\n')
    await live(1)
    assert.deepEqual(taken, ['again'])
  })

  test('a by-id name is simply opened again', async () => {
    const { box, live } = await started({ path: 'A' })
    await live(20_000)
    box.unplug()
    box.plugged = [{ path: '/dev/ttyUSB7', byId: 'A' }]
    await live(1000)
    assert.deepEqual(box.opened, ['A', 'A'])
  })

  test('a line that is lost as soon as it opens is not opened ever faster', async () => {
    const { box, live } = await started()
    for (let second = 0; second < 600; second++) {
      await live(1000)
      const ports = box.plugged
      box.unplug()
      box.plugged = ports
    }
    assert.ok(box.opened.length < 40, `${box.opened.length}`)
  })

  for (const acknowledge of ['none', 'line'] as const)
    test(`an unfinished frame is not glued to the next one; a device that says it once (${acknowledge === 'none'}) is taken as far as it came, another says it again`, async () => {
      const { box, live, taken, logged } = await started({ acknowledge })
      box.says('whole\nhal')
      await live(1)
      const ports = box.plugged
      box.unplug()
      box.plugged = ports
      await live(1000)
      box.says('new\n')
      await live(20_000)
      assert.deepEqual(taken, acknowledge === 'none' ? ['whole', 'hal', 'new'] : ['whole', 'new'])
      assert.deepEqual(
        logged.filter(({ event }) => /unfinished/.test(event)).map(({ facts }) => facts.octets),
        acknowledge === 'none' ? [] : [3],
      )
    })

  test('what a line has said when the settings change is told, though its end was still to come', async () => {
    const { box, live, taken, source } = await started({ frame: { kind: 'idle', maxBytes: 100, idleMs: 250 }, acknowledge: 'none' })
    box.says('Motion in the hall')
    await live(1)
    const stopped = source.stop()
    await live(1000)
    await stopped
    assert.deepEqual(taken, ['Motion in the hall'])
  })

  test('silence is counted from the last octet', async () => {
    const { box, live, taken } = await started({ frame: { kind: 'idle', maxBytes: 100, idleMs: 250 } })
    box.says('Motion ')
    await live(200)
    box.says('Detected')
    await live(200)
    assert.deepEqual(taken, [])
    await live(60)
    assert.deepEqual(taken, ['Motion Detected'])
  })

  test('a frame that was cut is said once and counted', async () => {
    const { box, live, taken, logged, source } = await started({ frame: { kind: 'line', maxBytes: 5 } })
    box.says('123456789\nok\n')
    await live(1)
    assert.deepEqual(taken, ['12345', 'ok'])
    assert.equal(source.state().overruns, 1)
    assert.equal(logged.filter(({ event }) => /cut/.test(event)).length, 1)
  })
})

describe('stopping', () => {
  test('what became durable within two seconds is acknowledged, and then the line is closed', async () => {
    const { box, gateway, live, source } = await started({ acknowledge: 'ack-nak' })
    const durable = Promise.withResolvers<void>()
    gateway.take = async (heard) => {
      await durable.promise
      return accepted(heard)
    }
    box.says('one\n')
    await live(1)
    const stopped = source.stop()
    box.says('late\n')
    await live(1000)
    durable.resolve()
    await live(1)
    await stopped
    assert.deepEqual(box.answers, ['\x06'])
    assert.equal(box.closed, 1)
    assert.equal(source.state().state, 'stopped')
    assert.equal(source.state().heard, 1)
  })

  test('a journal that does not answer holds up the stop for two seconds, and what was not taken is said', async () => {
    const { box, gateway, live, source, logged } = await started()
    gateway.take = () => new Promise(() => {})
    box.says('one\n')
    await live(1)
    let done = false
    const stopped = source.stop().then(() => {
      done = true
    })
    await live(1900)
    assert.equal(done, false)
    await live(200)
    await stopped
    assert.deepEqual(
      logged.filter(({ event }) => /not taken/.test(event)).map(({ facts }) => facts.frames),
      [1],
    )
  })

  test('what a device that gets no answer had said goes to the next gateway, but for what was accepted after all', async () => {
    const { box, gateway, live, source, remains, clock } = await started()
    const heardAt = clock.monotonic()
    const answers: ((taken: Taken) => void)[] = []
    gateway.take = () => new Promise((resolve) => answers.push(resolve))
    box.says('one\ntwo\nthree\n')
    await live(1)
    answers[0]?.(full)
    await live(1)
    const stopped = source.stop()
    await live(2100)
    await stopped
    answers[1]?.({ kind: 'accepted', id: 'two', number: 1, repeated: false })
    await live(1)
    const left = remains.take('plc')
    assert.deepEqual(
      left.map(({ bytes }) => Buffer.from(bytes).toString()),
      ['one', 'three'],
    )
    assert.equal(left[0]?.stamp.mono, heardAt)
    assert.deepEqual(remains.take('plc'), [], 'once')
    const waits = await started({ acknowledge: 'line' })
    waits.gateway.take = () => new Promise(() => {})
    waits.box.says('one\n')
    const ended = waits.source.stop()
    await waits.live(2100)
    await ended
    assert.deepEqual(waits.remains.take('plc'), [], 'a device that waits for its answer says it again')
  })

  test('what a device had said once stays kept when it is to wait for its answer from now on, however often the settings change', async () => {
    const remains = new Remains()
    const refuse = async (acknowledge: SerialSourceOptions['acknowledge'], words = '') => {
      const { box, gateway, live, source } = scene({ acknowledge }, remains)
      gateway.take = async () => full
      source.start()
      await live(1)
      box.says(words)
      await live(5000)
      const stopped = source.stop()
      await live(2100)
      await stopped
    }
    await refuse('none', 'one\ntwo\n')
    for (const acknowledge of ['line', 'ack-nak', 'line'] as const) await refuse(acknowledge)
    const left = remains.take('plc')
    assert.deepEqual(
      left.map(({ bytes }) => Buffer.from(bytes).toString()),
      ['one', 'two'],
    )
  })

  test('a stop while the line is missing ends the waiting at once', async () => {
    const { box, source, live } = scene()
    box.plugged = []
    source.start()
    await live(60_000)
    const stopped = source.stop()
    await live(0)
    await stopped
    const { length } = box.opened
    await live(120_000)
    assert.equal(box.opened.length, length)
  })

  test('a source that never started can be stopped', async () => {
    const { source, live } = scene()
    const stopped = source.stop()
    await live(0)
    await stopped
    assert.equal(source.state().state, 'stopped')
  })
})
