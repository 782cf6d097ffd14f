import { stampNow } from '../../src/alert/stamp.ts'
import { nodePorts } from '../../src/ports/node.ts'
import type { Offer } from '../../src/queue/offer.ts'
import { Queue } from '../../src/queue/queue.ts'

/** One measured process. `enqueue DIR P COUNT`: rate and waits. `fill DIR COUNT`: that many waiting. `open DIR`: time and memory of opening. One JSON line out. */
const [verb, dir = '', a = '1', b = '1000'] = process.argv.slice(2)
const { clock, disk, log } = nodePorts({ level: 'error' })
const open = () => Queue.open({ disk, clock, log, dir: `${dir}/journal`, maxMiB: 256 })
const offer = (bytes: number): Offer => ({
  source: 's',
  text: 'x'.repeat(bytes),
  severity: 'warning',
  state: 'event',
  to: ['ops'],
  stamp: stampNow(clock),
})
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)

if (verb === 'enqueue') {
  const queue = await open()
  const waits: number[] = []
  let left = Number(b)
  const began = performance.now()
  const producer = async () => {
    while (left-- > 0) {
      const from = performance.now()
      const one = await queue.accept(offer(1850))
      waits.push(performance.now() - from)
      if (one.kind === 'accepted') queue.mark(one.id, { kind: 'delivered', to: ['ops'] })
    }
  }
  await Promise.all(Array.from({ length: Number(a) }, producer))
  const seconds = (performance.now() - began) / 1000
  waits.sort((x, y) => x - y)
  await queue.close()
  say({ rate: Math.round(waits.length / seconds), p50: waits[Math.floor(waits.length / 2)], p99: waits[Math.floor(waits.length * 0.99)] })
} else if (verb === 'fill') {
  const queue = await open()
  for (let done = 0; done < Number(a); done += 500) await Promise.all(Array.from({ length: 500 }, () => queue.accept(offer(200))))
  await queue.close()
  say({ waiting: queue.waiting.size })
} else {
  const before = process.memoryUsage().rss
  const began = performance.now()
  const queue = await open()
  const ms = performance.now() - began
  await new Promise((resolve) => setTimeout(resolve, 500))
  say({ ms, waiting: queue.waiting.size, rss: process.memoryUsage().rss, grown: process.memoryUsage().rss - before })
  await queue.close()
}
process.exit(0)
