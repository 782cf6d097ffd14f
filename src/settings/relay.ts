import { z } from 'zod'
import { isTokenUrl } from './address.ts'
import { duration, fingerprint, host, id, line, path, port, secret } from './parts.ts'

/** A mail server that takes our letters. */
const mechanism = z.enum(['scram-sha-256', 'plain', 'login', 'cram-md5']).optional()

const auth = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({ kind: z.literal('password'), user: line(254), password: secret, mechanism }),
    z.strictObject({
      kind: z.literal('oauth2'),
      user: line(254),
      tokenUrl: line(500).refine(isTokenUrl, 'Write an address that begins with https://, as the provider names it.'),
      clientId: line(500),
      clientSecret: secret.optional(),
      refreshToken: secret,
    }),
  ])
  .default({ kind: 'none' })

/** Today's certificate, the next one, and a few servers behind one name. */
const pinsLimit = 8

export const relay = z.strictObject({
  id,
  host: host.meta({ title: 'Host' }),
  port: port.default(587).meta({ title: 'Port', description: '587 with starttls, 465 with tls.' }),
  security: z.enum(['tls', 'starttls', 'none']).default('starttls').meta({
    title: 'Security',
    description: 'tls: from the first octet. starttls: required. none: no password is ever sent, except to this machine.',
  }),
  auth: auth.meta({
    title: 'Login',
    description:
      'Without mechanism the best that the server offers is used: scram-sha-256, plain, login, cram-md5. oauth2: the gateway fetches access tokens from tokenUrl with the refresh token; where the provider changes the refresh token, the new one goes into secrets.json.',
  }),
  ca: path.optional().meta({ title: 'Further trusted certificates', description: 'A PEM file, relative to the data directory.' }),
  pin: z.array(fingerprint).min(1, 'Name at least one fingerprint, or leave it out.').max(pinsLimit).optional().meta({
    title: 'Trusted certificates, by fingerprint',
    description:
      'SHA-256 of the server’s own certificate; one of them is then required, and enough: for a box on the LAN that vouches for itself. Instead of ca.',
  }),
  timeout: duration.default('5m').meta({ title: 'Longest wait for an answer' }),
})

/** As it stands in the settings file, with what may be left out left out. */
export type RelayInput = z.input<typeof relay>

/** The box's own remote mailbox, for delivery reports and answers of people. */
export const answers = z.strictObject({
  host: host.meta({ title: 'Host', description: 'A POP3 server.' }),
  port: port.default(995).meta({ title: 'Port', description: '995 with tls, 110 with starttls.' }),
  security: z.enum(['tls', 'starttls', 'none']).default('tls').meta({ title: 'Security', description: 'none: to this machine only.' }),
  user: line(254).meta({ title: 'User' }),
  password: secret,
  ca: path.optional().meta({ title: 'Further trusted certificates', description: 'A PEM file, relative to the data directory.' }),
  pin: z.array(fingerprint).min(1).max(pinsLimit).optional().meta({ title: 'Trusted certificates, by fingerprint' }),
  every: duration.default('15m').meta({ title: 'Looks every' }),
})
