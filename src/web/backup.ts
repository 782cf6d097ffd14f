import { createCipheriv, createDecipheriv } from 'node:crypto'
import { z } from 'zod'
import type { Random } from '../ports/random.ts'
import { Fault } from './fault.ts'
import { derive } from './password.ts'

/**
 * Backup: the settings as they are, and under a passphrase the secrets, encrypted and authenticated (AES-256-GCM under a key by scrypt). One JSON file; nothing in it is
 * ever a path.
 */
const cost = 2 ** 15
const sealed = z.strictObject({
  salt: z.base64().max(64),
  nonce: z.base64().max(64),
  tag: z.base64().max(64),
  data: z.base64().max(1_000_000),
})
export const backupSchema = z.strictObject({
  format: z.literal('outpost-backup', 'This is no backup of an Outpost.'),
  version: z.literal(1, 'This backup was made by a newer version.'),
  made: z.string().max(40),
  software: z.string().max(80),
  settings: z.unknown(),
  secrets: sealed.optional(),
})
export type Backup = z.infer<typeof backupSchema>

export async function seal(values: Readonly<Record<string, string>>, passphrase: string, random: Random): Promise<z.infer<typeof sealed>> {
  const salt = random.bytes(16)
  const nonce = random.bytes(12)
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, salt, cost), nonce)
  const data = Buffer.concat([cipher.update(JSON.stringify(values)), cipher.final()])
  const base64 = (octets: Uint8Array) => Buffer.from(octets).toString('base64')
  return { salt: base64(salt), nonce: base64(nonce), tag: base64(cipher.getAuthTag()), data: base64(data) }
}

/** Throws Fault when the passphrase is wrong or the file was changed. */
export async function unseal(box: z.infer<typeof sealed>, passphrase: string): Promise<Record<string, string>> {
  const octets = (text: string) => Buffer.from(text, 'base64')
  const key = await derive(passphrase, octets(box.salt), cost)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, octets(box.nonce), { authTagLength: 16 })
    decipher.setAuthTag(octets(box.tag))
    const values: unknown = JSON.parse(Buffer.concat([decipher.update(octets(box.data)), decipher.final()]).toString())
    return z.record(z.string(), z.string()).parse(values)
  } catch {
    throw new Fault(422, 'The secrets of this backup cannot be opened.', 'Either the passphrase is wrong, or the file was changed.')
  }
}
