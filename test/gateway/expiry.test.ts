import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../../src/ports/disk.ts'
import { Box } from './box.ts'

const minute = 60_000
const letters = 450

/** A site that is away for longer than its letters are kept. */
async function away(): Promise<Box> {
  const box = new Box(1, { delivery: { keep: '1h' } })
  await box.boot()
  box.away()
  for (let i = 0; i < letters; i++) await box.send(`letter ${i}`)
  return box
}

test('all letters that are too old are given up within minutes, however many they are, and each is in the mailbox', async () => {
  const box = await away()
  await box.pass(72 * minute)
  assert.equal(box.waiting, 0)
  const notices = await box.disk.list('data/mailbox/operator/new')
  assert.equal(notices.length, letters)
})

test('where the mailbox takes no notices, letters that are too old are tried every ten minutes, and wait', async () => {
  const box = await away()
  box.disk.delay = async () => {
    throw new DiskError('the disk is failing', 'EIO')
  }
  await box.pass(72 * minute)
  assert.equal(box.waiting, letters)
  const refused = box.log.filter(({ event }) => event === 'mailbox: a notice could not be written').length
  assert.ok(refused > 0 && refused <= 200, `${refused} notices`)
})

const day = 86_400_000

async function off(box: Box, ms: number): Promise<void> {
  box.clock.dead = true
  await box.pass(ms)
  await box.powerCut()
}

test('a clock that is ahead for a while after a boot gives up no letter of before', async () => {
  const box = new Box(1)
  await box.boot()
  box.away()
  await box.send('Door open', 'critical')
  await box.pass(minute)
  box.wakesWrongBy = 60 * day
  await box.powerCut()
  await box.pass(30 * minute)
  assert.equal(box.waiting, 1)
  box.clock.wrongBy = 0
  await box.pass(120 * minute)
  assert.equal(box.waiting, 1)
  box.back()
  await box.pass(10 * minute)
  assert.deepEqual(box.told(), ['Door open'])
})

test('a notice is as old as it has lain in the mailbox: after forty days without power nobody finds it gone', async () => {
  const lan = { id: 'lan', kind: 'smtp', as: 'letter', listen: '0.0.0.0:2525', allow: ['192.0.2.0/24'] }
  const box = new Box(1, { sources: [lan] })
  await box.boot()
  box.away()
  await box.send('Door open', 'critical')
  const mail = 'From: nas@lan\r\nSubject: written by somebody\r\n\r\nHello\r\n'
  assert.equal((await box.settled(box.mailIn.hand(mail, ['ops@example.org']))).code, 250)
  await box.pass(minute)
  await off(box, 40 * day)
  await box.pass(8 * 60 * minute)
  assert.equal(box.waiting, 0)
  const names = await box.disk.list('data/mailbox/operator/new')
  assert.deepEqual(names.map((name) => name.split('.')[1]).sort(), ['E1', 'E2', 'P2'])
  await off(box, 31 * day)
  await box.pass(8 * 60 * minute)
  assert.deepEqual(await box.disk.list('data/mailbox/operator/new'), [], 'and it goes thirty days later')
})
