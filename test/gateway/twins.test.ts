import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

test('a backlog that has just left does not leave again when the power goes in that moment', async () => {
  const box = new Box(1, { delivery: { digest: { from: 0 } } })
  await box.boot()
  box.away()
  for (let i = 1; i <= 12; i++) await box.send(`letter ${i}`)
  await box.pass(60_000)
  box.back()
  // The flight is over; what rides along with the next commit would wait for up to a second.
  for (let waited = 0; waited < 20_000 && !box.log.some((one) => one.event === 'relay: flight over'); waited += 10) await box.pass(10)
  assert.equal(box.told().length, 12)
  await box.pass(50)
  await box.powerCut()
  await box.pass(600_000)
  assert.equal(box.told().length, 12, 'nobody is told twice')
  assert.equal(box.waiting, 0)
})
