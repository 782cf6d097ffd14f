import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

/** A clock that was years ahead for a while, and is right again: nothing is silent or gone for it. */
const hour = 3_600_000
const day = 24 * hour
const year = 365 * day

const weekly = (box: Box): number => box.relay.taken.filter(({ content }) => content.includes('The box is alive')).length
const mails = (box: Box): number => box.disk.paths().filter((path) => path.includes('/mailbox/operator/new/')).length

async function ahead(box: Box, byMs: number, forMs: number): Promise<void> {
  box.clock.wrongBy = byMs
  await box.pass(forMs)
  box.clock.wrongBy = 0
}

const reporting = async (): Promise<Box> => {
  const box = new Box(1, { reports: { weekly: 'Mon 08:00', to: ['ops'] } })
  await box.boot()
  return box
}

test('a clock that was four years ahead for two hours costs no weekly letter', async () => {
  const box = await reporting()
  await box.pass(8 * day)
  assert.equal(weekly(box), 1)
  await ahead(box, 4 * year, 2 * hour)
  const told = weekly(box)
  await box.pass(28 * day)
  assert.equal(weekly(box) - told, 4)
})

test('a weekly letter that a clock has dated ahead in an earlier life counts as of now', async () => {
  const box = await reporting()
  await box.pass(8 * day)
  await ahead(box, 4 * year, 2 * hour)
  const told = weekly(box)
  await box.powerCut()
  await box.pass(28 * day)
  assert.equal(weekly(box) - told, 4)
})

test('a clock that wakes behind, and is set soon, brings no weekly letter of its own', async () => {
  const box = await reporting()
  await box.pass(8 * day)
  for (let night = 0; night < 5; night++) {
    box.wakesWrongBy = -5 * day
    await box.powerCut()
    await ahead(box, -5 * day, hour / 2)
    await box.pass(10 * hour)
  }
  assert.equal(weekly(box), 1)
})

test('a clock that wakes long before this software was built knows no week, however long it is so', async () => {
  const box = await reporting()
  await box.pass(8 * day)
  box.wakesWrongBy = -50 * year
  await box.powerCut()
  await ahead(box, -50 * year, 10 * day)
  await box.pass(2 * hour)
  assert.equal(weekly(box), 2, 'of the Monday that has passed meanwhile')
})

/** A box with a mail in its mailbox. */
const keeping = async (): Promise<Box> => {
  const box = new Box(1)
  await box.boot()
  await box.send('local news', 'warning', undefined, 'operator@site.example.org')
  await box.pass(12 * hour)
  assert.equal(mails(box), 1)
  return box
}

test('a clock that was sixty days ahead for some hours takes no mail away, whether it began before this life or in it', async () => {
  for (const isCut of [false, true]) {
    const box = await keeping()
    box.wakesWrongBy = 60 * day
    if (isCut) await box.powerCut()
    await ahead(box, 60 * day, 5.5 * hour)
    await box.pass(day)
    assert.equal(mails(box), 1)
  }
})

test('mail goes when it is too old: from a box that stays on within hours, and from one that is switched off each night', async () => {
  const steady = await keeping()
  await steady.pass(29 * day)
  assert.equal(mails(steady), 1)
  await steady.pass(day)
  assert.equal(mails(steady), 0)
  const nightly = await keeping()
  for (let night = 0; night < 31; night++) {
    nightly.clock.dead = true
    await nightly.pass(14 * hour)
    await nightly.powerCut()
    await nightly.pass(10 * hour)
  }
  assert.equal(mails(nightly), 0)
})

test('by a clock that nobody has set no mail is too old', async () => {
  const box = await keeping()
  box.clock.set = 'no'
  await box.pass(60 * day)
  assert.equal(mails(box), 1)
})
