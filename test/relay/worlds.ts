import { test } from 'node:test'
import type { Names } from '../../src/ports/names.ts'
import { NodeNames } from '../../src/ports/node/names.ts'
import { type Route, type RouteTools, route } from '../../src/relay/route/route.ts'
import { DnsServer } from '../peers/dns.ts'
import type { Zone } from '../peers/zone.ts'
import { SimNames } from '../sim/world/names.ts'
import { SimRandom } from '../sim/world/random.ts'

type Answers = { names: Names; done(): Promise<void> }

/** Every case is told twice: over sockets, by a name server; and by the names of the simulated world. */
const worlds: Record<string, (zone: Zone) => Promise<Answers>> = {
  sockets: async (zone) => {
    const server = await DnsServer.start(zone)
    return { names: new NodeNames([server.address], { patienceMs: [120] }), done: () => server.stop() }
  },
  simulated: async (zone) => ({ names: new SimNames(zone), done: async () => {} }),
}

export type Find = (address: string, tools?: Partial<RouteTools>) => Promise<Route>

export function inBoth(what: string, zone: Zone, story: (find: Find) => Promise<void>): void {
  for (const [world, make] of Object.entries(worlds))
    test(`${what} (${world})`, async () => {
      const { names, done } = await make(zone)
      try {
        await story((address, tools) =>
          route(address, { names, random: new SimRandom(1), port: 25, own: ['ps7.example.net'], dane: false, ...tools }),
        )
      } finally {
        await done()
      }
    })
}
