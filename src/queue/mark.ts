/** Mark: what the journal says of a letter beside its alert. */

/** How a recipient left the queue; `dropped` by hand, with all others of the letter. */
export const settlements = ['delivered', 'refused', 'expired', 'merged', 'dropped'] as const
export type Settled = (typeof settlements)[number]

/** How a recipient left the queue, or how the letter stands. `again`: said once more beside a record that was copied. `at`: when, in ms, by a clock that could be trusted. */
export type Mark =
  | { kind: Exclude<Settled, 'dropped'>; to: string[]; why?: string; again?: true; at?: number }
  | { kind: 'deferred'; attempts: number; why: string }
  | { kind: 'held' | 'released' }
  | { kind: 'dropped'; why: string; at?: number }

/** Whether a mark settles somebody, and is not the echo of one that did. */
export const isSettlement = (mark: Mark): mark is Mark & { kind: Settled } =>
  (settlements as readonly string[]).includes(mark.kind) && !('again' in mark)
