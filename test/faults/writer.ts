import { appendFileSync } from 'node:fs'
import { JSONFilePreset } from 'lowdb/node'
import { stampNow } from '../../src/alert/stamp.ts'
import { isDiskError } from '../../src/ports/disk.ts'
import { nodePorts } from '../../src/ports/node.ts'
import { Queue } from '../../src/queue/queue.ts'
import { small, stays } from './small.ts'

/**
 * writer.ts STORE DIR ACKS COUNT [PREFIX]: some producers put alerts into a store; the name of each is written to ACKS once it was acknowledged, and
 * once more with a minus before it is settled. STORE is `journal`; `turning` for one whose small segments are recycled and copied forward; or
 * `lowdb` for lowdb's own file adapter, which makes no sync. Exit code 74: the disk let the store not even be opened.
 */
const [kind = 'journal', dir = '', acks = '', count = '100', prefix = 'alert'] = process.argv.slice(2)
const { clock, disk, log } = nodePorts({ level: 'error' })

type Put = (name: string) => Promise<'taken' | 'refused' | 'read-only'>

async function open(): Promise<Put> {
  if (kind === 'lowdb') {
    const db = await JSONFilePreset<{ alerts: string[] }>(`${dir}/db.json`, { alerts: [] })
    return async (name) => {
      await db.update(({ alerts }) => void alerts.push(name))
      return 'taken'
    }
  }
  const turning = kind === 'turning'
  const queue = await Queue.open({ disk, clock, log, dir: `${dir}/journal`, ...(turning ? small : { maxMiB: 8 }) })
  return async (name) => {
    const one = await queue.accept({
      source: 's',
      id: name,
      text: `${name} ${'x'.repeat(turning ? 1500 : 600)}`,
      severity: 'critical',
      state: 'event',
      to: ['ops'],
      stamp: stampNow(clock),
    })
    if (one.kind === 'accepted' && turning && !stays(name)) {
      appendFileSync(acks, `-${name}\n`)
      queue.mark(one.id, { kind: 'delivered', to: ['ops'] })
    }
    return one.kind === 'accepted' ? 'taken' : queue.facts.readOnly === undefined ? 'refused' : 'read-only'
  }
}

const store = await open().catch((error) => {
  if (isDiskError(error)) process.exit(74)
  throw error
})
let next = 0
const patienceMs = 1500
let takenAt = performance.now()
/** What was refused is offered again, as a device does, until the store has taken nothing for a while. */
const offer = async (name: string) => {
  for (let put = await store(name); put !== 'taken'; put = await store(name)) {
    if (put === 'read-only' || performance.now() - takenAt > patienceMs) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  takenAt = performance.now()
  appendFileSync(acks, `${name}\n`)
}
const producer = async () => {
  while (next < Number(count)) await offer(`${prefix}-${next++}`)
}
await Promise.all(Array.from({ length: kind === 'turning' ? 5 : 8 }, producer))
process.exit(0)
