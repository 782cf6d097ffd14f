import { base64, type Mechanism, mechanism } from './mechanism.ts'

/** PLAIN (RFC 4616): everything in one line. Undefined for what it cannot carry: NUL is its separator. */
export function plain(user: string, password: string): Mechanism | undefined {
  if (user.includes('\0') || password.includes('\0')) return undefined
  return mechanism({ name: 'PLAIN', initial: `\0${user}\0${password}`, alone: true, secrets: [password, base64(password)] })
}
