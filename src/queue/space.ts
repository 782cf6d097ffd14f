import type { Severity } from '../alert/alert.ts'

/**
 * Space: who is still let in when room runs low. Pure. `info` is refused below a fifth, `warning` below a tenth, `critical` only when the
 * record does not fit. Refused means not acknowledged: the sensor or its broker keeps it.
 */
export const admits = (severity: Severity, space: { free: number; total: number }, bytes: number): boolean =>
  space.free >= bytes && space.free >= space.total * floor[severity]

const floor: Record<Severity, number> = { critical: 0, warning: 0.1, info: 0.2 }
