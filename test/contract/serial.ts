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
