import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LineSettings, type Serial, SerialError } from '../../src/ports/serial.ts'

export const line = (path: string): LineSettings => ({ path, baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1, flow: 'none' })

export type Device = {
  serial: Serial
  path: string
  say(text: string): Promise<void>
  heard(): string
  unplug(): Promise<void>
  pass(ms: number): Promise<void>
  done(): Promise<void>
}

const flowing = 8

/** What every Serial does; the device at the other end is given. */
export function serialContract(name: string, make: () => Promise<Device>, options: { skip: string | false } = { skip: false }): void {
  test(`${name}: octets go both ways, and a lost line is told once`, { skip: options.skip, timeout: 20_000 }, async () => {
    const device = await make()
    try {
      let data = ''
      const lost: string[] = []
      const port = await device.serial.open(line(device.path), {
        data: (bytes) => (data += Buffer.from(bytes).toString()),
        closed: (why) => lost.push(why),
      })
      await device.say('ALARM\r\n')
      for (let i = 0; i < 50 && !data.includes('\n'); i++) await device.pass(50)
      assert.equal(data, 'ALARM\r\n')
      await port.write(Buffer.from('OK 1\r\n'))
      for (let i = 0; i < 50 && !device.heard().includes('\n'); i++) await device.pass(50)
      assert.equal(device.heard(), 'OK 1\r\n')
      await device.unplug()
      for (let i = 0; i < 50 && lost.length === 0; i++) await device.pass(50)
      await device.pass(100)
      assert.equal(lost.length, 1)
      await port.close()
    } finally {
      await device.done()
    }
  })

  test(`${name}: a line that is lost while octets flow is told once, too`, { skip: options.skip, timeout: 60_000 }, async () => {
    // Whether a read is under way at that moment is chance, so there are several.
    for (let i = 0; i < flowing; i++) {
      const device = await make()
      try {
        let octets = 0
        const lost: string[] = []
        const port = await device.serial.open(line(device.path), {
          data: (bytes) => (octets += bytes.length),
          closed: (why) => lost.push(why),
        })
        for (let spoken = 0; spoken < 40; spoken++) await device.say(`${'x'.repeat(50_000)}\r\n`)
        for (let waited = 0; waited < 100 && octets === 0; waited++) await device.pass(1)
        assert.ok(octets > 0)
        await device.unplug()
        for (let waited = 0; waited < 40 && lost.length === 0; waited++) await device.pass(50)
        await device.pass(100)
        await port.close()
        assert.equal(lost.length, 1)
      } finally {
        await device.done()
      }
    }
  })

  test(`${name}: a look finds the line and leaves it alone`, { skip: options.skip }, async () => {
    const device = await make()
    try {
      const there = await device.serial.look(device.path)
      assert.equal(there.kind, 'line')
      await device.unplug()
      assert.deepEqual(await device.serial.look(device.path), { kind: 'missing' })
    } finally {
      await device.done()
    }
  })

  test(`${name}: a device that is not there is a SerialError with its code`, { skip: options.skip }, async () => {
    const device = await make()
    try {
      await device.unplug()
      await assert.rejects(
        device.serial.open(line(device.path), { data: () => {}, closed: () => {} }),
        (error) => error instanceof SerialError && error.code === 'ENOENT',
      )
      assert.ok(Array.isArray(await device.serial.list()))
    } finally {
      await device.done()
    }
  })
}
