import { authLine, base64, type Mechanism, mechanism, Unsound } from './mechanism.ts'

/** LOGIN (never an RFC, still the only one of some servers): the name with the command, then the password when it is asked for. */
export function login(user: string, password: string): Mechanism {
  const first = authLine('LOGIN', base64(user))
  let named = first !== 'AUTH LOGIN'
  let told = false
  const next = (prompt: Buffer): string => {
    // Where the server does not know initial responses it asks for the name again.
    if (!named || /^user/i.test(prompt.toString())) {
      named = true
      return user
    }
    if (told) throw new Unsound('The server asked for the password twice.')
    told = true
    return password
  }
  return { ...mechanism({ name: 'LOGIN', next, secrets: [password, base64(password)] }), first }
}
