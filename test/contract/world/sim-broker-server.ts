import { SimBroker } from '../../sim/world/broker.ts'
import type { SimClient } from '../../sim/world/broker-server.ts'
import { Timeline } from '../../sim/world/timeline.ts'
import type { Device, Publication, ServeWorld } from '../broker-server.ts'
import { lively } from './lively.ts'

/** The simulated broker of our own. */
export async function simServeWorld(): Promise<ServeWorld> {
  const timeline = new Timeline()
  const { pass, done } = lively(timeline)
  const broker = new SimBroker(timeline)
  return {
    broker,
    own: '127.0.0.1:0',
    open: '0.0.0.0:0',
    device: async (address, who) => {
      const client = await broker.servers.connect(address, who)
      return client && deviceOf(client)
    },
    visitor: async (address) => void (await broker.servers.visit(address)),
    pass,
    done: async () => done(),
  }
}

function deviceOf(client: SimClient): Device {
  const publish = ({ topic, payload, qos, retain = false, packetId = 1, dup = false }: Publication) =>
    client.publish({ topic, payload: Buffer.from(payload), qos, retain, packetId, dup })
  return {
    publish,
    publishAll: (all) => all.map(publish),
    release: (packetId) => client.release(packetId),
    closed: () => client.closed,
    leave: async () => client.end(),
  }
}
