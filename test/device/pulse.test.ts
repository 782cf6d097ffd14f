import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beatMs, Pulse, type Task } from '../../src/device/pulse.ts'

const sync = (sign: string): Task => ({ name: 'journal', sign, limitMs: 120_000 })

test('a task that does not get further for too long is told, and one that goes on never', () => {
  const pulse = new Pulse()
  assert.equal(pulse.stuck([sync('1')], 0), undefined)
  assert.equal(pulse.stuck([sync('1')], 120_000), undefined)
  assert.match(pulse.stuck([sync('1')], 130_000) ?? '', /The disk has not finished a write of the journal for 130 s\./)
  assert.equal(pulse.stuck([sync('2')], 131_000), undefined, 'it went on')
  for (let i = 3; i < 100; i++) assert.equal(pulse.stuck([sync(String(i))], i * 119_000), undefined)
})

test('what is not in hand cannot hang', () => {
  const pulse = new Pulse()
  pulse.stuck([sync('1')], 0)
  assert.equal(pulse.stuck([], 1_000_000), undefined)
  assert.equal(pulse.stuck([sync('1')], 1_000_001), undefined, 'the time in between does not count')
})

test('the beat is half of what systemd waits for, and is not for a child that inherited the environment', () => {
  const socket = { NOTIFY_SOCKET: '/run/systemd/notify' }
  assert.equal(beatMs({ ...socket, WATCHDOG_USEC: '60000000' }, 7), 30_000)
  assert.equal(beatMs({ ...socket, WATCHDOG_USEC: '60000000', WATCHDOG_PID: '7' }, 7), 30_000)
  assert.equal(beatMs({ ...socket, WATCHDOG_USEC: '60000000', WATCHDOG_PID: '8' }, 7), undefined)
  assert.equal(beatMs({ WATCHDOG_USEC: '60000000' }, 7), undefined)
  assert.equal(beatMs(socket, 7), undefined)
  assert.equal(beatMs({ ...socket, WATCHDOG_USEC: 'soon' }, 7), undefined)
})
