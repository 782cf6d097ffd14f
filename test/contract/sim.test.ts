import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimNet } from '../sim/world/net.ts'
import { SimRandom } from '../sim/world/random.ts'
import { SimRelay } from '../sim/world/relay.ts'
import { SimSerial } from '../sim/world/sensors.ts'
import { Timeline } from '../sim/world/timeline.ts'
import { brokerContract } from './broker.ts'
import { brokerServerContract } from './broker-server.ts'
import { clockContract } from './clock.ts'
import { diskContract } from './disk.ts'
import { netContract } from './net.ts'
import { randomContract } from './random.ts'
import { serialContract } from './serial.ts'
import { webContract } from './web.ts'
import { simBrokerWorld } from './world/sim-broker.ts'
import { simServeWorld } from './world/sim-broker-server.ts'
import { simNetWorld } from './world/sim-net.ts'

clockContract('the simulated clock', () => {
  const timeline = new Timeline()
  return { clock: new SimClock(timeline, 'boot'), pass: (ms) => timeline.run(timeline.now + ms) }
})

diskContract('the simulated disk', async () => {
  const disk = new SimDisk()
  await disk.makeDir('data')
  return { disk, dir: 'data', done: async () => {} }
})

// The simulated peers say little, and seldom: nothing holds them back, and no session is taken up again.
netContract('the simulated ways out', simNetWorld, { slowsDown: false, resumes: false })

brokerContract('the simulated broker', simBrokerWorld)

brokerServerContract('the simulated broker of our own', simServeWorld)

randomContract('chance from a seed', { make: (seed) => new SimRandom(seed), repeats: true })

serialContract('the simulated line', async () => {
  const timeline = new Timeline()
  const serial = new SimSerial(timeline, new SimRandom(1))
  return {
    serial,
    path: '/dev/ttyS0',
    say: async (text) => serial.send(text.trim()),
    heard: () => serial.said,
    unplug: async () => serial.unplug(),
    pass: (ms) => timeline.run(timeline.now + ms),
    done: async () => {},
  }
})

webContract('the simulated web', async () => {
  const timeline = new Timeline()
  const net = new SimNet(timeline, new SimRelay(timeline, new SimRandom(1)))
  return {
    net,
    serve: async (answer) => {
      net.webs.set('https://server', ({ method, url, headers = {}, body = '' }) => {
        const { pathname, search } = new URL(url)
        const { headers: given, ...rest } = answer({ method, path: pathname + search, headers, body })
        return { ...rest, headers: Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value])) }
      })
      return 'https://server'
    },
    pass: () => timeline.run(timeline.now + 5000),
    done: async () => {},
  }
})
