/** Values of nested objects by their paths, `a.b`; bounded, without recursion. Lists are kept whole, as text. */
const stepsLimit = 256

export function flatten(object: Readonly<Record<string, unknown>>): [string, unknown][] {
  const found: [string, unknown][] = []
  const stack: [string, unknown][] = Object.entries(object).slice(0, stepsLimit).reverse()
  for (let steps = 0, next = stack.pop(); next && steps < stepsLimit; steps++, next = stack.pop()) {
    const [path, value] = next
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      found.push([path, Array.isArray(value) ? JSON.stringify(value) : value])
    else for (const [name, inner] of Object.entries(value).slice(0, stepsLimit).reverse()) stack.push([`${path}.${name}`, inner])
  }
  return found
}

/** An object, and no list. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
