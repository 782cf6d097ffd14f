import { scrypt, timingSafeEqual } from 'node:crypto'

/** scrypt (RFC 7914) with N = 2^15, r = 8, p = 1: 32 MiB and 0.14 s here, which is what a small board can bear. */
const cost = 2 ** 15
const hashBytes = 32

export type PasswordHash = { salt: string; hash: string; cost: number }

/** `salt`: 16 random octets. */
export async function hashPassword(password: string, salt: Uint8Array): Promise<PasswordHash> {
  const hash = await derive(password, salt, cost)
  return { salt: Buffer.from(salt).toString('base64'), hash: hash.toString('base64'), cost }
}

/** Takes as long whatever is wrong. */
export async function isPassword(password: string, known: PasswordHash): Promise<boolean> {
  const hash = await derive(password, Buffer.from(known.salt, 'base64'), known.cost)
  return timingSafeEqual(hash, Buffer.from(known.hash, 'base64'))
}

/** A key of 32 octets from a passphrase; also for what a backup keeps secret. */
export const derive = (password: string, salt: Uint8Array, n: number): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(password.normalize('NFKC'), salt, hashBytes, { N: n, r: 8, p: 1, maxmem: 256 * n * 8 }, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  )
