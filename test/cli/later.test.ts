import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Command, exit, Later, Refusal, type Scene } from '../../src/cli/command.ts'
import { socketOf } from '../../src/cli/control.ts'
import { health } from '../../src/cli/health.ts'
import { send } from '../../src/cli/send.ts'
import { sendmail } from '../../src/cli/sendmail.ts'
import type { Wire } from '../../src/ports/net.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimNet } from '../sim/world/net.ts'
import { SimRandom } from '../sim/world/random.ts'
import { SimRelay } from '../sim/world/relay.ts'
import { Timeline } from '../sim/world/timeline.ts'

const busy = { ok: false, error: 'The gateway takes new settings just now. Try again in a moment.' }
const taken = { ok: true, value: { kind: 'accepted', id: '7', number: 1, repeated: false } }

/** A gateway's socket that gives these answers, one a question and the last for ever. `silent`: none at all; `gone`: it closes the line. */
async function scene(...answers: (object | 'silent' | 'gone' | string)[]) {
  const timeline = new Timeline()
  const disk = new SimDisk()
  await disk.makeDir('data')
  const clock = new SimClock(timeline, 'boot')
  const net = new SimNet(timeline, new SimRelay(timeline, new SimRandom(1)))
  const asked: unknown[] = []
  const answer = async (wire: Wire) => {
    asked.push(JSON.parse(Buffer.from((await wire.read()) ?? []).toString()))
    const next = answers.length > 1 ? answers.shift() : answers[0]
    if (next === 'silent') return
    if (next !== 'gone') await wire.write(Buffer.from(`${typeof next === 'string' ? next : JSON.stringify(next)}\n`))
    wire.close()
  }
  await net.listenPath(socketOf('data'), (wire) => void answer(wire))
  const said: string[] = []
  const within = {
    ports: { clock, disk, net, log: () => {}, random: new SimRandom(2) },
    dir: 'data',
    env: {},
    out: () => {},
    err: (text: string) => void said.push(text),
    hide: () => {},
    stdin: async () => Buffer.from('Subject: Cron\n\nDisk full\n'),
  } as unknown as Scene
  const run = async (command: Command, flags = {}): Promise<number> => {
    let end: number | undefined
    const running = command.run(within, { words: [], flags }).catch((error: unknown) => {
      if (!(error instanceof Later || error instanceof Refusal)) throw error
      said.push(error.message)
      return error instanceof Later ? exit.later : exit.no
    })
    running.then(
      (code) => {
        end = code
      },
      () => {
        end = exit.bug
      },
    )
    await timeline.run(timeline.now + 60_000, () => end !== undefined)
    return running
  }
  return { run, said, asked, timeline }
}

describe('a gateway that is there and does not do it now', () => {
  for (const [name, command, flags] of [
    ['sendmail', sendmail, {}],
    ['send', send, { to: 'ops@example.org' }],
  ] as const) {
    test(`${name} waits while it takes new settings`, async () => {
      const { run, asked } = await scene(busy, busy, taken)
      assert.equal(await run(command, flags), exit.done)
      assert.equal(asked.length, 3)
    })

    test(`${name} ends with 75 and its sentence when that lasts`, async () => {
      const { run, said, timeline } = await scene(busy)
      assert.equal(await run(command, flags), exit.later)
      assert.match(said.join(), /takes new settings just now/)
      assert.ok(timeline.now <= 16_000, 'whoever calls it waits')
    })

    for (const [how, answer] of [
      ['says nothing', 'silent'],
      ['closes the line', 'gone'],
      ['says what nobody understands', 'no JSON'],
    ] as const)
      test(`${name} ends with 75 and asks once when it ${how}: it may have it`, async () => {
        const { run, said, asked } = await scene(answer)
        assert.equal(await run(command, flags), exit.later)
        assert.match(said.join(), /runs and gave no answer/)
        assert.equal(asked.length, 1)
      })
  }

  test('send ends with 75 what may be taken later, and with 1 what never will', async () => {
    const refused = (again: boolean) => ({ ok: true, value: { kind: 'refused', why: 'full', hint: 'Wait.', again } })
    const flags = { to: 'ops@example.org' }
    assert.equal(await (await scene(refused(true))).run(send, flags), exit.later)
    assert.equal(await (await scene(refused(false))).run(send, flags), exit.no)
  })

  test('health is 0 or 1, as whoever watches over it expects', async () => {
    assert.equal(await (await scene(busy)).run(health), exit.no)
  })
})
