import type { doors } from './far.ts'
import { letterOctets } from './letters.ts'
import type { Terms } from './line.ts'

/** What is tried: which links, which clients, who runs beside whom. */
export const links = {
  satellite: { delayMs: 300, rate: 0, loss: 0 },
  thin: { delayMs: 300, rate: 64_000, loss: 0 },
  fast: { delayMs: 25, rate: 0, loss: 0 },
  lossy: { delayMs: 300, rate: 64_000, loss: 0.02, seed: 1 },
  none: { delayMs: 0, rate: 0, loss: 0 },
} as const satisfies Record<string, Terms>

export type LinkName = keyof typeof links

/** `checked`: the links on which the limits are measured; they are tried in every run. */
export type Trial = {
  id: string
  title: string
  client: 'outpost' | 'nodemailer' | 'postfix' | 'postfix-reuse' | 'msmtp'
  door: keyof typeof doors
  letters: number
  connections: number
  known: boolean
  /** The letter is the digest of 50 alerts. */
  digest?: true
  on: readonly LinkName[]
  checked: readonly LinkName[]
}

const outpost = { client: 'outpost', letters: 50, connections: 1, known: true, checked: [] } as const
const peer = { door: 'chunking', letters: 50, connections: 1, known: true, checked: [] } as const

/** Each lane is a link of its own; what stands in one lane runs one after the other. A trial may go on in another lane. */
export const lanes: readonly (readonly Trial[])[] = [
  [
    {
      ...outpost,
      id: 'outpost',
      title: 'Outpost',
      door: 'chunking',
      on: ['satellite', 'fast'],
      checked: ['satellite'],
    },
    { ...outpost, id: 'outpost-cold', title: 'Outpost, relay not known before', door: 'chunking', known: false, on: ['satellite'] },
    { ...outpost, id: 'outpost-starttls', title: 'Outpost, STARTTLS', door: 'starttls', on: ['satellite'], checked: ['satellite'] },
    {
      ...outpost,
      id: 'outpost-data',
      title: 'Outpost, relay without CHUNKING (DATA)',
      door: 'data',
      on: ['satellite', 'thin', 'fast'],
      checked: ['satellite'],
    },
    {
      ...outpost,
      id: 'outpost-digest',
      title: 'Outpost, 50 alerts of an outage as one digest, relay not known before',
      door: 'chunking',
      letters: 1,
      known: false,
      digest: true,
      on: ['thin'],
      checked: ['thin'],
    },
    { ...outpost, id: 'outpost-steps', title: 'Outpost, relay without CHUNKING and PIPELINING', door: 'steps', on: ['fast'] },
  ],
  [
    {
      ...peer,
      id: 'nodemailer-5',
      title: 'nodemailer, pool of 5',
      client: 'nodemailer',
      connections: 5,
      on: ['satellite', 'thin', 'fast', 'lossy'],
      checked: ['satellite'],
    },
    {
      ...peer,
      id: 'nodemailer-50',
      title: 'nodemailer, 50 connections at once',
      client: 'nodemailer',
      connections: 0,
      on: ['satellite', 'thin', 'fast', 'lossy'],
    },
  ],
  [
    { ...peer, id: 'postfix', title: 'Postfix', client: 'postfix', on: ['satellite', 'thin', 'fast'] },
    {
      ...peer,
      id: 'postfix-reuse',
      title: 'Postfix, connections reused',
      client: 'postfix-reuse',
      on: ['satellite', 'thin', 'fast', 'lossy'],
    },
  ],
  [
    { ...peer, id: 'nodemailer-1', title: 'nodemailer, pool of 1', client: 'nodemailer', on: ['satellite', 'fast'] },
    { ...peer, id: 'msmtp', title: 'msmtp, one after the other', client: 'msmtp', letters: 8, on: ['satellite'] },
  ],
  [{ ...outpost, id: 'outpost', title: 'Outpost', door: 'chunking', on: ['thin', 'lossy'], checked: ['thin', 'lossy'] }],
]

/** Many letters without a delay: what a letter costs the machine. One after the other, nothing beside them. */
export const costs: readonly Trial[] = [
  { ...outpost, id: 'outpost-10000', title: 'Outpost', door: 'chunking', letters: 10_000, on: ['none'], checked: ['none'] },
  {
    ...peer,
    id: 'nodemailer-10000',
    title: 'nodemailer, pool of 5',
    client: 'nodemailer',
    letters: 10_000,
    connections: 5,
    on: ['none'],
    checked: ['none'],
  },
]

/** Further seeds of the losses: a letter may be lost in none of them. */
export const lossSeeds = [2, 3]

/**
 * What 50 letters take on a link when nothing is wasted: the round trips that nobody can spare (TCP, TLS until the greeting comes, that is two,
 * EHLO, and from the last octet to its answer), and the letters' own octets in full packets (1448 octets of content in 1500).
 */
export const wireSeconds = ({ delayMs, rate }: Terms, letters: number): number =>
  (5 * 2 * delayMs) / 1000 + (rate === 0 ? 0 : (letters * letterOctets * (1500 / 1448) * 8) / rate)
