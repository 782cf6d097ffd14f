import assert from 'node:assert/strict'
import { type ChildProcess, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { ModbusServer } from '../peers/modbus.ts'
import { Outpost } from '../peers/outpost.ts'
import { missing, stop, until } from '../peers/process.ts'
import { ptyPair } from '../peers/pty.ts'

/** A real Modbus server on a real terminal: what it holds becomes mail, its silence too, and a restart of the gateway tells nothing twice. */
const noModbus = spawnSync('/usr/bin/python3', ['-c', 'import pymodbus']).status === 0 ? false : 'needs pymodbus (Debian: python3-pymodbus)'
const skip = missing('socat') || noModbus
const dir = mkdtempSync(`${tmpdir()}/outpost-modbus-`)
const children: (ChildProcess | undefined)[] = []
let outpost: Outpost | undefined

after(async () => {
  await outpost?.stop()
  for (const child of children) await stop(child, 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

test('a Modbus server is polled: bits raise and clear, a level goes by its rule, silence is told, a restart tells nothing twice', {
  skip,
  timeout: 120_000,
}, async () => {
  children.push(await ptyPair(`${dir}/box`, `${dir}/plc`))
  const server = new ModbusServer(`${dir}/plc`, `${dir}/values.json`)
  // Registers 40108 and 40109: 81.25 as a float, high register first.
  const low = { discrete: { 9: false }, holding: { 107: 0x4120, 108: 0 }, input: { 0: 234 } }
  const high = { discrete: { 9: true }, holding: { 107: 0x42a2, 108: 0x8000 }, input: { 0: 234 } }
  server.set(low)
  await server.begin()
  children.push(server.child)
  const read = [
    { name: 'door', server: 17, table: 'discrete', address: 9, text: 'Door open' },
    { name: 'pressure', server: 17, table: 'holding', address: 107, type: 'float32', unit: 'bar', severity: 'critical' },
    { name: 'wrong', server: 17, table: 'holding', address: 2000 },
  ]
  const rule = { id: 'high', when: { source: 'plc', key: 'pressure', field: 'value > 80' }, clearBelow: 75, to: ['operator'] }
  outpost = new Outpost(`${dir}/data`, {
    broker: { enabled: false },
    sources: [{ id: 'plc', kind: 'modbus', path: `${dir}/box`, baudRate: 19200, every: '1s', answerMs: 300, read }],
    people: [{ id: 'operator', address: 'operator@outpost.internal' }],
    rules: [rule],
  })
  const box = outpost
  const subjects = () => [...box.command('mailbox', 'export').matchAll(/^Subject: (.*)$/gm)].map(([, subject]) => subject).reverse()
  const told = async (count: number) => {
    await until(`${count} letters`, 30_000, () => box.alive() && subjects().length >= count)
    return subjects().slice(count - 1)
  }
  box.begin()
  await until('it is refused', 20_000, () => box.log.includes('a server refuses a request'))
  assert.match(box.log, /it has no such address/)
  server.set(high)
  assert.equal((await told(2)).length, 1)
  assert.deepEqual(subjects().toSorted(), ['Outpost: CRITICAL: pressure 81.25 bar', 'Outpost: Warning: Door open'])
  await box.stop()
  box.begin()
  await until('it is up again', 20_000, () => (box.log.match(/modbus: up/g) ?? []).length === 2)
  server.set({ ...high, discrete: { 9: false } })
  assert.match(String(await told(3)), /Door open is over/)
  server.set(low)
  assert.match(String(await told(4)), /pressure 10 bar/)
  await stop(server.child, 'SIGKILL')
  assert.match(String(await told(5)), /Modbus server 17 on plc: no answer/)
  await server.begin()
  children.push(server.child)
  assert.match(String(await told(6)), /Modbus server 17 on plc answers again/)
})
