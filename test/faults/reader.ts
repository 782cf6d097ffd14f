import { existsSync, readFileSync } from 'node:fs'
import { nodePorts } from '../../src/ports/node.ts'
import { Queue } from '../../src/queue/queue.ts'

/** reader.ts: for every line `STORE DIR` on standard input one line of JSON, the names that the store still holds, or an error. */
const { clock, disk, log } = nodePorts({ level: 'error' })

async function names(store: string, dir: string): Promise<string[]> {
  if (store === 'lowdb')
    return existsSync(`${dir}/db.json`) ? (JSON.parse(readFileSync(`${dir}/db.json`, 'utf8')) as { alerts: string[] }).alerts : []
  if (!existsSync(`${dir}/journal`)) return []
  const queue = await Queue.open({ disk, clock, log, dir: `${dir}/journal`, maxMiB: 8 })
  const held: string[] = []
  for (const id of queue.waiting.ids(1e6)) held.push((await queue.read(id))?.alert.id ?? 'unreadable')
  await queue.close()
  return held
}

let rest = ''
process.stdin.setEncoding('utf8')
for await (const text of process.stdin) {
  rest += text
  for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
    const [store = '', dir = ''] = rest.slice(0, end).split(' ')
    rest = rest.slice(end + 1)
    try {
      process.stdout.write(`${JSON.stringify({ names: await names(store, dir) })}\n`)
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`)
    }
  }
}
