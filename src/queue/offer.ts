import type { Alert } from '../alert/alert.ts'

/** An alert before it has a number. One with a number tells again of the alert that bears it. */
export type Offer = Omit<Alert, 'number' | 'previous' | 'parent' | 'begun' | 'after'> & {
  number?: number
  /** Journal positions of letters that wait and that it says to stand, whether it covers them or not: what clears them waits for this one, too. */
  names?: readonly number[]
}
