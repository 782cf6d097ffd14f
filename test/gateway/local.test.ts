import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerEnd } from '../sim/world/wire.ts'
import { Box } from './box.ts'

const here = 'operator@site.example.org'
const people = [
  { id: 'ops', name: 'Ops', address: 'ops@example.org' },
  { id: 'site', name: 'Site', address: here },
]
const sources = [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0' }]
/** Serial lines are for somebody on the box and somebody elsewhere. */
const both = { people, sources, rules: [{ id: 'both', to: ['site', 'ops'] }], delivery: { digest: { from: 0 } } }

const mails = (box: Box): string[] =>
  box.disk
    .paths()
    .filter((path) => path.includes('/mailbox/operator/new/'))
    .map((path) =>
      Buffer.from(box.disk.durable(path) ?? [])
        .toString()
        .replaceAll('\n', '\r\n'),
    )

/** Relays that take connections and say nothing; or say nothing more as soon as a letter comes. */
const silent = { serve: () => {} }
const greeting = {
  serve: (end: ServerEnd) => {
    end.onData = (octets) => Buffer.from(octets).toString().startsWith('EHLO') && end.send('250 relay\r\n')
    end.send('220 relay\r\n')
  },
}

test('mail for people of the box waits for no flight: neither for a relay that says nothing nor for a backlog that drains', async () => {
  const box = new Box(1)
  await box.boot()
  box.net.place('relay.example.org', 25, silent)
  await box.send('for elsewhere', 'critical')
  await box.pass(2000)
  await box.send('for here', 'info', undefined, here)
  await box.pass(1000)
  assert.equal(mails(box).length, 1)
  assert.equal(box.waiting, 1, 'the other one is in the air')
})

test('mail that the mailbox could not take is tried again while a flight goes on', async () => {
  const box = new Box(1)
  await box.boot()
  box.net.place('relay.example.org', 25, silent)
  await box.send('for elsewhere', 'critical')
  const write = box.disk.write.bind(box.disk)
  let failures = 1
  box.disk.write = (path, bytes) => (path.includes('/mailbox/') && failures-- > 0 ? Promise.reject(new Error('EIO')) : write(path, bytes))
  await box.send('for here', 'info', undefined, here)
  await box.pass(10_000)
  assert.equal(mails(box).length, 0)
  await box.pass(60_000)
  assert.equal(mails(box).length, 1)
})

test('who reads a late letter on the box gets the octets of who reads it elsewhere, also when a flight with it came to nothing', async () => {
  const box = new Box(1, both)
  await box.boot()
  const write = box.disk.write.bind(box.disk)
  let isFull = true
  box.disk.write = (path, bytes) => (path.includes('/mailbox/') && isFull ? Promise.reject(new Error('ENOSPC')) : write(path, bytes))
  box.away()
  box.blurt('alarm')
  await box.pass(30_000)
  assert.equal(box.waiting, 1)
  box.net.place('relay.example.org', 25, greeting)
  box.back()
  await box.pass(10_000)
  isFull = false
  await box.pass(200_000)
  assert.equal(mails(box).length, 0, 'it is in the air')
  await box.pass(200_000)
  box.net.place('relay.example.org', 25, box.relay)
  await box.pass(3_600_000)
  assert.equal(box.waiting, 0)
  const there = box.relay.taken.map(({ content }) => content)
  assert.equal(there.length, 1)
  assert.match(there[0] ?? '', /Waited/)
  assert.deepEqual(mails(box), there)
})

test('whatever is in the air, a letter with readers here and elsewhere is put into the mailbox once and leaves once', async () => {
  const box = new Box(1, both)
  await box.boot()
  let puts = 0
  const write = box.disk.write.bind(box.disk)
  box.disk.write = async (path, bytes) => {
    if (path.includes('/mailbox/')) {
      puts++
      await new Promise<void>((resolve) => void box.timeline.at(300, resolve))
    }
    return write(path, bytes)
  }
  let early = 0
  box.relay.onTaken = () => {
    if (mails(box).length < box.relay.taken.length) early++
  }
  for (let i = 1; i <= 30; i++) {
    box.blurt(`alarm ${i}`)
    await box.pass(100)
  }
  await box.pass(60_000)
  assert.equal(box.waiting, 0)
  assert.equal(puts, 30)
  assert.deepEqual(
    box.told(),
    Array.from({ length: 30 }, (_, i) => `alarm ${i + 1}`),
  )
  assert.equal(mails(box).length, 30)
  assert.equal(early, 0, 'first here, then elsewhere')
})

test('what is read on the box at once is merged all the same for those elsewhere when the way opens', async () => {
  const box = new Box(1, { people, sources, rules: both.rules })
  await box.boot()
  box.away()
  for (let i = 1; i <= 6; i++) box.blurt(`alarm ${i}`)
  await box.pass(1000)
  assert.equal(mails(box).length, 6)
  await box.pass(600_000)
  box.back()
  await box.pass(60_000)
  assert.equal(box.waiting, 0)
  assert.equal(box.relay.taken.length, 1)
  assert.equal(mails(box).length, 6)
})
