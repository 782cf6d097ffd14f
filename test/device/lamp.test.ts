import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lamp } from '../../src/device/lamp.ts'
import { SimSys } from '../sim/world/sys.ts'

const led = '/sys/class/leds/ACT'

/** A lamp as the kernel has it: the files for the times are there while the trigger is `timer`, and the one in use stands in brackets. */
class LampSys extends SimSys {
  constructor() {
    super({ [`${led}/trigger`]: 'none [mmc0] timer heartbeat', [`${led}/brightness`]: '0', [`${led}/max_brightness`]: '255\n' })
  }

  override async write(path: string, text: string): Promise<string | undefined> {
    const why = await super.write(path, text)
    if (why !== undefined || path !== `${led}/trigger`) return why
    this.files.set(path, `none mmc0 timer heartbeat`.replace(text, `[${text}]`))
    for (const name of ['delay_on', 'delay_off'])
      if (text === 'timer') this.files.set(`${led}/${name}`, '500')
      else this.files.delete(`${led}/${name}`)
    return undefined
  }
}
const names = (sys: SimSys) => sys.written.map(([path, text]) => `${path.slice(led.length + 1)}=${text}`)

test('the kernel blinks: a pattern is a trigger and two times, and a steady lamp has none', async () => {
  const sys = new LampSys()
  const lamp = new Lamp(sys, 'ACT')
  assert.equal(await lamp.show({ onMs: 100, offMs: 2900 }), undefined)
  assert.deepEqual(names(sys), ['trigger=timer', 'delay_on=100', 'delay_off=2900'])
  assert.equal(await lamp.show({ on: true }), undefined)
  assert.deepEqual(names(sys).slice(3), ['trigger=none', 'brightness=255'])
  assert.equal(await lamp.show({ on: false }), undefined)
  assert.deepEqual(names(sys).slice(5), ['trigger=none', 'brightness=0'])
})

test('nothing is written as long as the pattern stays, and a blinking lamp that changes its pace keeps its trigger', async () => {
  const sys = new LampSys()
  const lamp = new Lamp(sys, 'ACT')
  for (let i = 0; i < 100; i++) await lamp.show({ onMs: 1000, offMs: 1000 })
  assert.equal(sys.written.length, 3)
  await lamp.show({ onMs: 125, offMs: 125 })
  assert.deepEqual(names(sys).slice(3), ['delay_on=125', 'delay_off=125'])
})

test('a lamp whose files have no owner yet says so, and is lit by the next try', async () => {
  const sys = new LampSys()
  const lamp = new Lamp(sys, 'ACT')
  sys.refuses.add(`${led}/delay_on`)
  assert.match((await lamp.show({ onMs: 1000, offMs: 1000 })) ?? '', /delay_on/)
  sys.refuses.clear()
  assert.equal(await lamp.show({ onMs: 1000, offMs: 1000 }), undefined)
  assert.equal(sys.files.get(`${led}/delay_on`), '1000')
  assert.match((await new Lamp(sys, 'led0').show({ on: true })) ?? '', /led0/, 'a lamp that is not there')
})
