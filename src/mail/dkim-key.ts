import { createPrivateKey, type KeyObject } from 'node:crypto'
import { type Disk, isDiskError, replaceFile } from '../ports/disk.ts'
import type { Random } from '../ports/random.ts'

/**
 * The private key of a selector: made on the device, and never leaves it. `dkim/SELECTOR.pem` in the data directory, mode 0600; not in the settings, so in
 * no export of them. Another selector is another key: to change keys, publish the new record, change the selector, and keep the old record for a week.
 */
const folder = 'dkim'
/** RFC 8301 section 3.2: 1024 is the least, 2048 what signers should use; longer ones do not fit into every DNS answer. */
const bits = 2048
const leastBits = 1024

/** undefined when there is none yet. Rejects with DiskError, or with an error whose message says what is wrong with the file. */
export async function readDkimKey(disk: Disk, dir: string, selector: string): Promise<KeyObject | undefined> {
  const path = `${dir}/${folder}/${selector}.pem`
  let pem: Buffer
  try {
    pem = Buffer.from(await disk.read(path))
  } catch (error) {
    if (isDiskError(error, 'ENOENT')) return undefined
    throw error
  }
  const key = privateKeyIn(pem)
  const length = key?.asymmetricKeyDetails?.modulusLength ?? 0
  if (key?.asymmetricKeyType !== 'rsa' || length < leastBits)
    throw new Error(`${path} holds no RSA private key of ${leastBits} bits or more. Remove it, and a new one is made at the next start.`)
  return key
}

/** The key, made when there is none. Only for whoever holds the data directory: two makers would sign with different keys. */
export async function keepDkimKey(disk: Disk, random: Random, dir: string, selector: string): Promise<KeyObject> {
  const standing = await readDkimKey(disk, dir, selector)
  if (standing) return standing
  const pem = await random.rsaKey(bits)
  await disk.makeDir(`${dir}/${folder}`)
  await replaceFile(disk, `${dir}/${folder}`, `${selector}.pem`, Buffer.from(pem))
  return createPrivateKey(pem)
}

function privateKeyIn(pem: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}
