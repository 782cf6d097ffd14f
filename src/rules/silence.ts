import { matchesGlob } from './glob.ts'

/** Silence: what a person does not want to hear of for a while. It is kept, and told together when the while is over. */
export type Silence = {
  id: string
  /** All that are given must fit; nothing given silences everything. */
  match: { source?: string; key?: string; rule?: string }
  /** On this boot's monotonic scale, in ms. */
  until: number
  by: string
  why?: string
}

export type Silenceable = { source: string; key?: string; rule?: string }

export const isSilencedBy = ({ match }: Silence, alert: Silenceable): boolean =>
  (match.source === undefined || match.source === alert.source) &&
  (match.rule === undefined || match.rule === alert.rule) &&
  (match.key === undefined || matchesGlob(match.key, alert.key ?? ''))
