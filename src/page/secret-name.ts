/** A secret belongs to the entry that refers to it: a form never writes over the password of another one. */
export const refersTo = (settings: unknown, name: string): boolean =>
  JSON.stringify(settings ?? null).includes(JSON.stringify({ secret: name }))

/** The wish, with a number behind it when it is taken. */
export function free(wish: string, isTaken: (name: string) => boolean): string {
  let name = wish
  for (let n = 2; isTaken(name); n++) name = `${wish}${n}`
  return name
}

/** `others`: the settings without the entry that the name is for. */
export const secretName = (others: unknown, wish: string): string => free(wish, (name) => refersTo(others, name))

/** An entry that is new in a list of the settings: under a free id, with names of its own for its secrets. */
export const newcomer = (entry: Record<string, unknown>, settings: object | undefined, list: string): Record<string, unknown> => ({
  ...JSON.parse(JSON.stringify(entry), (key, value) => (key === 'secret' ? secretName(settings, value) : value)),
  id: free(
    String(entry.id),
    (id) => (settings as Record<string, { id: string }[]> | undefined)?.[list]?.some((one) => one.id === id) === true,
  ),
})
