import { base64, type Mechanism, mechanism, Unsound } from './mechanism.ts'

/**
 * An access token in place of a password, as two dialects say it. A server that does not want it sends a challenge that says why, and the
 * final reply only after it was answered.
 */
const separator = '\u0001'

/** OAUTHBEARER (RFC 7628 section 3.1; host and port are for tokens that sign, which bearer tokens do not). */
export const oauthBearer = (user: string, token: string): Mechanism =>
  bearer('OAUTHBEARER', `n,a=${saslName(user)},${separator}auth=Bearer ${token}${separator}${separator}`, separator, token)

/** XOAUTH2 (older, Google's and Microsoft's; no RFC). */
export const xoauth2 = (user: string, token: string): Mechanism =>
  bearer('XOAUTH2', `user=${user}${separator}auth=Bearer ${token}${separator}${separator}`, '', token)

/** `last` answers the challenge that says what was wrong (RFC 7628 section 3.2.3: one ^A). */
function bearer(name: string, initial: string, last: string, token: string): Mechanism {
  let answered = false
  return mechanism({
    name,
    initial,
    alone: true,
    token: true,
    secrets: [token, base64(token)],
    next() {
      if (answered) throw new Unsound(`The server asked on, where ${name} has nothing more to say.`)
      answered = true
      return last
    },
  })
}

/** RFC 5801 section 4: a comma and an equals sign mean something in the header. */
export const saslName = (name: string): string => name.replaceAll('=', '=3D').replaceAll(',', '=2C')
