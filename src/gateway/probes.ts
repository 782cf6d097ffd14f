import { nearest } from '../alert/nearest.ts'
import type { Ports } from '../ports/ports.ts'
import { hex } from '../ports/random.ts'
import type { Step } from '../ports/step.ts'
import { probeEmbedded, probeMqtt, probeSerial } from '../source/probe.ts'
import { brokerSource, type Plan } from './plan.ts'
import { embeddedOptionsOf, lineOf, mqttOptionsOf } from './sources.ts'

/** Probes: the way to each source that this version can listen to. Only while no gateway runs: its lines and sessions are its own. */
export type Probe = { id: string; what: string; steps(): AsyncGenerator<Step> }

/** MQTT 3.1.1 section 3.1.3.1: every broker takes 23 octets. */
const clientIdBytes = 4

export function probesOf(plan: Plan, ports: Ports): Probe[] {
  const { net, broker, serial, clock, random } = ports
  const probes = plan.sources.flatMap((source): Probe[] => {
    if (source.kind === 'serial' || source.kind === 'modbus')
      return [{ id: source.id, what: source.path, steps: () => probeSerial(serial, clock, lineOf(source), nearest) }]
    if (source.kind !== 'mqtt') return []
    const clientId = `outpost-doctor-${hex(random.bytes(clientIdBytes))}`
    return [{ id: source.id, what: source.url, steps: () => probeMqtt(net, broker, clock, mqttOptionsOf(source, plan), clientId) }]
  })
  const embedded = embeddedOptionsOf(plan)
  return embedded
    ? [...probes, { id: brokerSource, what: embedded.listen, steps: () => probeEmbedded(net, broker, clock, embedded) }]
    : probes
}
