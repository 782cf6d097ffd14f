import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

test('a courier with nothing to do has nothing in hand, one in the air has, and each settled letter is progress', async () => {
  const box = new Box(1)
  await box.boot()
  await box.pass(3_600_000)
  assert.equal(box.gateway.inHand.roundSince, undefined)
  assert.equal(box.gateway.inHand.commitSince, undefined)
  box.relay.faults.silent = 1
  await box.send('a')
  await box.pass(60_000)
  const { roundSince, outcomes } = box.gateway.inHand
  assert.ok(roundSince !== undefined && box.clock.monotonic() - roundSince > 30_000, 'it waits for an answer')
  box.relay.faults.silent = 0
  await box.pass(3_600_000)
  assert.equal(box.waiting, 0)
  assert.equal(box.gateway.inHand.roundSince, undefined)
  assert.ok(box.gateway.inHand.outcomes > outcomes)
})

test('alerts that come in are no progress of a courier that hangs', async () => {
  const box = new Box(1)
  await box.boot()
  box.relay.faults.silent = 1
  await box.send('a')
  await box.pass(60_000)
  const { outcomes } = box.gateway.inHand
  await box.send('b')
  assert.equal(box.gateway.inHand.outcomes, outcomes)
})

test('mail for people of the box is no progress of a courier that hangs', async () => {
  const box = new Box(1)
  await box.boot()
  box.relay.faults.silent = 1
  await box.send('a')
  await box.pass(60_000)
  const { outcomes } = box.gateway.inHand
  await box.send('b', 'warning', undefined, 'operator@site.example.org')
  await box.pass(1000)
  assert.equal(box.gateway.inHand.outcomes, outcomes)
  assert.equal(box.gateway.inHand.mailSince, undefined, 'the mail is in the mailbox')
})
