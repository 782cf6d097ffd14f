import type { Reply } from '../outcome.ts'

/** The words of a reply on one line. Addresses are none of them, for they may hold anything: `<spf@example.org>: User unknown` says nothing of SPF. */
export const wordsOf = ({ text }: Reply): string => text.replaceAll('\n', ' ').replace(/[^\s<>@]{1,64}@[^\s<>@]{1,255}/g, '')
