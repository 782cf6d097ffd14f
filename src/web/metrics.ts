import { settlements } from '../queue/mark.ts'
import type { House } from './house.ts'
import { stateOf } from './state.ts'

/** The state as Prometheus reads it (text format 0.0.4). */
export function metricsOf(house: House, pages: number): string {
  const state = stateOf(house)
  const lines: string[] = []
  const metric = (name: string, type: 'gauge' | 'counter', help: string, values: readonly (readonly [labels: string, value: number])[]) => {
    lines.push(`# HELP outpost_${name} ${help}`, `# TYPE outpost_${name} ${type}`)
    for (const [labels, value] of values) lines.push(`outpost_${name}${labels} ${value}`)
  }
  metric('up', 'gauge', '1 while the gateway works, 0 while it stands still.', [['', house.desk() ? 1 : 0]])
  metric('uptime_seconds', 'gauge', 'Since the device was booted.', [['', Math.round(state.upMs / 1000)]])
  metric('clock_synchronised', 'gauge', '1 when the clock was set from outside.', [['', state.clock.synchronised === 'yes' ? 1 : 0]])
  const { celsius, supply, writtenBytes, usedPercent } = state.hardware
  if (celsius !== undefined) metric('temperature_celsius', 'gauge', 'Of the processor.', [['', celsius]])
  if (supply !== undefined) metric('supply_low', 'gauge', '1 while the power supply is too weak.', [['', supply === 'low' ? 1 : 0]])
  if (writtenBytes !== undefined)
    metric('storage_written_bytes', 'counter', 'Written to the storage since the box was set up.', [['', writtenBytes]])
  if (usedPercent !== undefined) metric('storage_used_percent', 'gauge', 'Life of the eMMC that is used.', [['', usedPercent]])
  metric('pages', 'gauge', 'Pages that are open.', [['', pages]])
  if (!state.gateway) return `${lines.join('\n')}\n`
  const { queue, waiting, kept, numbers, settled, sources, relays, link, alerts } = state.gateway
  metric(
    'letters_waiting',
    'gauge',
    'Letters that wait.',
    Object.entries(waiting).map(([severity, count]) => [label('severity', severity), count]),
  )
  metric('letters_kept', 'gauge', 'Alerts that the rules keep.', [['', kept]])
  metric(
    'recipients_total',
    'counter',
    'Recipients that were settled, by outcome.',
    settlements.map((how) => [label('outcome', how), settled[how]]),
  )
  metric('alerts_raised', 'gauge', 'Alerts that are raised now.', [['', alerts.active.length]])
  metric(
    'alerts_total',
    'counter',
    'Alerts accepted, by source.',
    Object.entries(numbers).map(([source, count]) => [label('source', source), count]),
  )
  metric(
    'source_up',
    'gauge',
    '1 while the source is heard.',
    sources.map((one) => [label('source', one.id), one.state === 'up' ? 1 : 0]),
  )
  metric(
    'frames_total',
    'counter',
    'Frames or messages heard, in this life.',
    sources.map((one) => [label('source', one.id), one.heard]),
  )
  metric(
    'relay_fault',
    'gauge',
    '1 while a relay does not take letters.',
    relays.map((one) => [label('relay', one.id), one.why === undefined ? 0 : 1]),
  )
  if (link) metric('link_up', 'gauge', '1 while there is a way out.', [['', link.up ? 1 : 0]])
  metric('journal_free_bytes', 'gauge', 'Room for further alerts.', [['', queue.free]])
  metric('journal_damaged', 'gauge', 'Places of the journal that could not be read.', [['', queue.damaged + queue.unreadable]])
  return `${lines.join('\n')}\n`
}

const label = (name: string, value: string): string =>
  `{${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"}`
