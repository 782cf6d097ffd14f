import assert from 'node:assert/strict'
import type { Machine } from './machine.ts'
import type { Owner } from './owner.ts'
import { until } from './until.ts'

type Check = (sentence: string, deed: () => Promise<unknown>) => Promise<void>

const hourMs = 3_600_000
/** Between two looks, in the emulator. */
const nearMs = 20_000
const word = '/run/outpost/clock'

/** Clock: a machine that reaches no time server has it set from the page, by a gateway that may not set it. `heard`: its line still takes alerts. */
export async function clock(machine: Machine, owner: Owner, check: Check, heard: () => Promise<boolean>): Promise<void> {
  const { probe } = machine
  const aheadMs = async () => Number(await probe.run('date +%s%3N')) - Date.now()
  const isAhead = async (ms: number) => {
    const is = await aheadMs()
    assert.ok(Math.abs(is - ms) < nearMs, `ahead by ${is} ms, and not by ${ms}`)
  }
  const journal = (unit: string) => probe.run(`journalctl -b -u ${unit} -o cat --no-pager`)
  const gateway = 'systemctl show -P MainPID -P NRestarts outpost'

  await check('without a time server the clock is set from the page, ahead and back, and the gateway runs on', async () => {
    assert.equal(await probe.run('systemctl is-active systemd-timesyncd outpost-clock.path; ls /run/systemd/timesync'), 'active\nactive')
    const before = await probe.run(gateway)
    const took: string[] = []
    for (const ms of [5 * hourMs, 0]) {
      const from = performance.now()
      const answer = await owner.post('/api/time', { wall: Date.now() + ms })
      took.push(((performance.now() - from) / 1000).toFixed(1))
      assert.equal(answer.status, 204, await answer.text())
      await isAhead(ms)
    }
    assert.equal(await probe.run(gateway), before, 'the same process')
    assert.ok(await machine.healthy())
    assert.ok(await heard())
    assert.match(await journal('outpost'), /clock: set from the page/)
    assert.equal(await probe.run(`stat -c '%U %G %a' /run/outpost; ls -A /run/outpost`), 'outpost outpost 700')
    assert.equal((await probe.try('systemctl is-failed outpost-clock.service')).out, 'inactive')
    return `answered after ${took.join(' and ')} s`
  })

  await check('neither gateway nor unit takes a time before the software was built, and no word that is not fresh', async () => {
    const { builtAt } = (await (await owner.get('/api/device')).json()) as { builtAt: number }
    const answer = await owner.post('/api/time', { wall: builtAt - 1000 })
    assert.equal(answer.status, 400)
    assert.match(await answer.text(), /That is before this software was built\..*Set the clock of this telephone first\./)
    const lay = (ms: number, age: string) =>
      probe.run(`echo ${ms} > ${word}.new && touch -d '${age}' ${word}.new && chmod a+r ${word}.new && mv ${word}.new ${word}`)
    const refused = (why: string) => until(why, 60, async () => (await journal('outpost-clock')).includes(`clock: not set: ${why}`))
    await lay(builtAt - 1000, 'now')
    await refused('it is before this software was built')
    await lay(Date.now() + hourMs, '1 minute ago')
    await refused('the word is not fresh')
    await isAhead(0)
    assert.equal(
      await probe.run('ls -A /run/outpost; systemctl reset-failed outpost-clock.service; systemctl is-active outpost-clock.path'),
      'active',
    )
  })
}
