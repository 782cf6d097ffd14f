import type { Alert } from '../alert/alert.ts'

/** An alert before it has a number. One with a number tells again of the alert that bears it. */
export type Offer = Omit<Alert, 'number' | 'previous' | 'parent' | 'begun' | 'after'> & {
  number?: number
  /** Journal positions of letters that wait, which it says to stand and does not cover: what clears them waits for this one, too. */
  names?: readonly number[]
}
