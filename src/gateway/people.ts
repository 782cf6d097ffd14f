/**
 * People: whom the words in a rule's `to` mean today. Pure. The journal keeps the words, so that an address that is mended while the link is
 * down mends the letters that wait, too.
 */
export type Person = { id: string; name: string; address: string }

export type Recipient = { ref: string; name?: string; address: string; local: boolean }

/** An id of a person, or an address. A person who is gone is stood in for by the first one; nothing is dropped for it. */
export function recipient(ref: string, people: readonly Person[], domain: string): Recipient {
  const person = people.find((known) => known.id === ref) ?? (ref.includes('@') ? undefined : people[0])
  const address = person?.address ?? ref
  const local = address.toLowerCase().endsWith(`@${domain.toLowerCase()}`)
  return person ? { ref, name: person.name, address, local } : { ref, address, local }
}
