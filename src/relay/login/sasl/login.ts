import { authLine, base64, isBase64, type Mechanism, mechanism, Unsound } from './mechanism.ts'

/**
 * LOGIN (never an RFC, still the only one of some servers): the name with the command, then the password when it is asked for. A prompt may say
 * anything (draft-murchison-sasl-login): one that speaks of a name and of no password asks for the name.
 */
export function login(user: string, password: string): Mechanism {
  const first = authLine('LOGIN', base64(user))
  let named = first !== 'AUTH LOGIN'
  let told = false
  const next = (prompt: Buffer, raw: string): string => {
    // Where the server does not know initial responses it asks for the name again.
    if (!named || asksForName(isBase64(raw) ? prompt.toString() : raw)) {
      named = true
      return user
    }
    if (told) throw new Unsound('The server asked for the password twice.')
    told = true
    return password
  }
  return { ...mechanism({ name: 'LOGIN', next, secrets: [password, base64(password)] }), first }
}

const asksForName = (prompt: string): boolean => /user|name|login|account/i.test(prompt) && !/pass/i.test(prompt)
