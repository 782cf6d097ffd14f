import { Ended } from '../dialogue/ask.ts'
import type { Reply } from '../outcome.ts'
import { kindOf, quoted } from '../reply.ts'
import type { Mechanism } from './sasl/mechanism.ts'

/**
 * What a refused login means (RFC 4954 section 6), and the sentence that cures it. 5yz holds the relay until somebody has changed something;
 * 4yz says nothing about the password and is tried again. With `mechanism`, a refused token is told from a refused password: `token` is set,
 * and whoever can get a new one may try that first.
 */
export function loginFault(user: string, reply: Reply, mechanism?: Mechanism): Ended {
  const closes = reply.code === 421
  const hold = kindOf(reply) === 5
  const token = mechanism?.token === true
  return new Ended({
    stage: 'auth',
    reply,
    hold,
    why: closes
      ? `The server closes the connection during the login: ${quoted(reply)}`
      : `The server refused the login of ${user}${mechanism ? ` by ${mechanism.name}` : ''}: ${quoted(reply)}`,
    ...(hold ? { hint: `${cure(reply, mechanism)} Then: outpost queue retry.` } : {}),
    ...(hold && token ? { token } : {}),
  })
}

type Cure = [when: (text: string, reply: Reply, mechanism: Mechanism | undefined) => boolean, sentence: string]

/** The first that fits. What providers say is from their published error lists. */
const cures: readonly Cure[] = [
  [
    (text) => /5\.7\.30\b|basic auth\w* is (?:not supported|disabled)/i.test(text),
    'This provider has switched passwords off for mail: use auth of kind oauth2.',
  ],
  [
    (text) => /smtpclientauthentication is disabled/i.test(text),
    'SMTP AUTH is switched off for this mailbox or organisation: an administrator of the provider must allow it.',
  ],
  [
    (text) => /application-specific password|app(?:lication)?[ -]password/i.test(text),
    'The provider wants an app password: make one in its account settings and use it in place of the usual one.',
  ],
  [(text) => /web ?browser/i.test(text), 'The provider wants this account to log in once with a browser, to confirm that it is you.'],
  [
    (_, { code }) => code === 538 || code === 530,
    'Set security to "tls" (port 465) or "starttls" (port 587): this server takes logins over TLS only.',
  ],
  [
    (_, { code }) => code === 534 || code === 504,
    'The server does not take this way of logging in: name another one that it offers as auth.mechanism.',
  ],
  [
    (_, __, mechanism) => mechanism?.token === true,
    'Allow this account to send by SMTP at the provider, or log in there again for a new refresh token.',
  ],
  [
    (_, __, mechanism) => mechanism?.name === 'SCRAM-SHA-256',
    'Check user and password; if both are right, the server cannot do SCRAM for this account: write "mechanism": "plain" under auth.',
  ],
]

const cure = (reply: Reply, mechanism: Mechanism | undefined): string =>
  cures.find(([when]) => when(reply.text, reply, mechanism))?.[1] ?? 'Check user and password; some providers want an app password.'

/** Shorter ones stand in too many innocent words. */
const shortestSecret = 4

/** The text without what must not be repeated: a server that quotes the line that it did not like would give the password away. */
export const hush = (text: string, secrets: readonly string[]): string =>
  [...new Set(secrets)]
    .filter((secret) => secret.length >= shortestSecret)
    .sort((a, b) => b.length - a.length)
    .reduce((quiet, secret) => quiet.replaceAll(secret, '‹secret›'), text)
