import type { Alert } from '../alert/alert.ts'

/** An alert before it has a number. */
export type Offer = Omit<Alert, 'number' | 'previous' | 'parent'>
