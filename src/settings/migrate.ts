/** One step from a version to the next; pure, and never asked twice. */
export type Migration = (json: Record<string, unknown>) => Record<string, unknown>

/** By the version that it starts from. Version 1 is the first, so there is none yet. */
const migrations: ReadonlyMap<number, Migration> = new Map()
const current = 1

/** Brings settings of an older version to the present one. A file without a version is of the present one. */
export function migrate(
  json: unknown,
  steps: ReadonlyMap<number, Migration> = migrations,
  to = current,
): { json: unknown; notes: string[]; error?: string } {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return { json, notes: [] }
  let at = json as Record<string, unknown>
  const notes: string[] = []
  if (typeof at.version !== 'number' || !Number.isInteger(at.version)) return { json, notes }
  if (at.version > to) return { json, notes, error: `The settings are of version ${at.version}; this Outpost knows up to ${to}.` }
  for (let version = at.version; version < to; version++) {
    const step = steps.get(version)
    if (!step) return { json, notes, error: `There is no way from settings of version ${version} to ${to}.` }
    at = { ...step(at), version: version + 1 }
    notes.push(`The settings were brought from version ${version} to ${version + 1}.`)
  }
  return { json: at, notes }
}
