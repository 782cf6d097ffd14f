/** Version of an image: `0.1.0+202611290612`, the version of the gateway and the minute of its commit in UTC. */
export type Version = string

export const isVersion = (text: unknown): text is Version => typeof text === 'string' && /^\d{1,6}(\.\d{1,6}){2}(\+\d{12})?$/.test(text)

/** Below 0 when `a` is older than `b`, 0 when they are the same, above 0 when it is newer. Without a minute it is older than with one. */
export function compareVersions(a: Version, b: Version): number {
  const [left, right] = [partsOf(a), partsOf(b)]
  for (const [index, part] of left.entries()) {
    const difference = part - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function partsOf(version: Version): number[] {
  const [dotted = '', minute = '0'] = version.split('+')
  return [...dotted.split('.').map(Number), Number(minute)]
}
