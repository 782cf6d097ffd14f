import { appendFileSync } from 'node:fs'
import { JSONFilePreset } from 'lowdb/node'
import { stampNow } from '../../src/alert/stamp.ts'
import { nodePorts } from '../../src/ports/node.ts'
import { Queue } from '../../src/queue/queue.ts'

/**
 * writer.ts STORE DIR ACKS COUNT: eight producers put alerts into a store; the name of each is written to ACKS once it was acknowledged.
 * STORE is `journal`, or `lowdb` for lowdb's own file adapter, which makes no sync.
 */
const [store = 'journal', dir = '', acks = '', count = '100'] = process.argv.slice(2)
const { clock, disk, log } = nodePorts({ level: 'error' })

async function open(): Promise<(name: string) => Promise<boolean>> {
  if (store === 'lowdb') {
    const db = await JSONFilePreset<{ alerts: string[] }>(`${dir}/db.json`, { alerts: [] })
    return async (name) => {
      await db.update(({ alerts }) => void alerts.push(name))
      return true
    }
  }
  const queue = await Queue.open({ disk, clock, log, dir: `${dir}/journal`, maxMiB: 8 })
  return async (name) => {
    const one = await queue.accept({
      source: 's',
      id: name,
      text: `${name} ${'x'.repeat(600)}`,
      severity: 'critical',
      state: 'event',
      to: ['ops'],
      stamp: stampNow(clock),
    })
    return one.kind === 'accepted'
  }
}

const put = await open()
let next = 0
const producer = async () => {
  while (next < Number(count)) {
    const name = `alert-${next++}`
    if (await put(name)) appendFileSync(acks, `${name}\n`)
  }
}
await Promise.all(Array.from({ length: 8 }, producer))
process.exit(0)
