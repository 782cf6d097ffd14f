import type { Stamp } from '../alert/stamp.ts'

/** Note: what a person did about alerts, as the journal keeps it. */
export type Note =
  | { kind: 'rules'; do: 'acknowledge'; rule: string; source: string; key: string; by: string; stamp: Stamp }
  | {
      kind: 'rules'
      do: 'silence'
      id: string
      match: { source?: string; key?: string; rule?: string }
      ms: number
      by: string
      why?: string
      stamp: Stamp
    }
  | { kind: 'rules'; do: 'unsilence'; id: string }

/** The note in a record of the journal; undefined for anything else. */
export function noteIn(value: unknown): Note | undefined {
  const note = value as Partial<Record<string, unknown>> | null | undefined
  if (note?.kind !== 'rules') return undefined
  const stamped = typeof (note.stamp as Partial<Stamp> | undefined)?.mono === 'number'
  switch (note.do) {
    case 'acknowledge':
      return stamped && ['rule', 'source', 'key', 'by'].every((name) => typeof note[name] === 'string') ? (note as Note) : undefined
    case 'silence':
      return stamped && typeof note.id === 'string' && typeof note.ms === 'number' && typeof note.match === 'object' && note.match !== null
        ? (note as Note)
        : undefined
    case 'unsilence':
      return typeof note.id === 'string' ? (note as Note) : undefined
    default:
      return undefined
  }
}
