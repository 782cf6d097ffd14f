/** What would change, a line each: `relays[0].port: 587 -> 465`. Secrets are references, so there is nothing to hide. */
export function settingsDiff(before: unknown, after: unknown, path = ''): string[] {
  if (isBranch(before) && isBranch(after) && Array.isArray(before) === Array.isArray(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return keys.flatMap((key) =>
      settingsDiff(before[key], after[key], Array.isArray(before) ? `${path}[${key}]` : path ? `${path}.${key}` : key),
    )
  }
  const [from, to] = [JSON.stringify(before), JSON.stringify(after)]
  return from === to ? [] : [`${path}: ${from ?? 'nothing'} -> ${to ?? 'nothing'}`]
}

const isBranch = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
