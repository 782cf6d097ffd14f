import type { Disk } from '../ports/disk.ts'
import { isDiskError, replaceFile } from '../ports/disk.ts'
import { sentence } from '../ports/log.ts'
import { type CertificateFacts, certificateFacts, selfSigned } from '../web/certificate.ts'
import { Fault } from '../web/fault.ts'
import type { Scene } from './command.ts'

/** The key and the certificate of the page: `web/key.pem` and `web/cert.pem` in the data directory, mode 0600. */
export type WebKey = { key: string; cert: string }

/** Of a scene what a key needs. */
type Place = Pick<Scene, 'dir' | 'builtAt'> & { ports: Pick<Scene['ports'], 'disk' | 'log' | 'random'> }

/** Longer than a box lives: nobody comes by to renew it, and whoever trusts it trusts the fingerprint. */
const yearsMs = 20 * 365.25 * 24 * 3_600_000
const serialBytes = 16

const dirOf = (scene: Place): string => `${scene.dir}/web`

/** What is kept; undefined when there is none, or it is no pair. */
export async function readWebKey({
  ports,
  dir,
}: Pick<Place, 'ports' | 'dir'>): Promise<(WebKey & { facts: CertificateFacts }) | undefined> {
  const [key, cert] = [await textOf(ports.disk, `${dir}/web/key.pem`), await textOf(ports.disk, `${dir}/web/cert.pem`)]
  const facts = certificateFacts(key, cert)
  return typeof facts === 'string' ? undefined : { key, cert, facts }
}

/** Those that a disk did not take, for as long as this process runs: whoever asks again gets the same. */
const unkept = new WeakMap<Place, WebKey & { facts: CertificateFacts }>()

/** Makes one for these names, when there is none; for this life only, where the disk does not take it. */
export async function ownWebKey(scene: Place, names: readonly string[]): Promise<WebKey & { facts: CertificateFacts }> {
  const standing = (await readWebKey(scene)) ?? unkept.get(scene)
  if (standing) return standing
  const { random, log } = scene.ports
  const key = await random.ecKey()
  const cert = selfSigned(key, names, random.bytes(serialBytes), scene.builtAt, scene.builtAt + yearsMs)
  const facts = certificateFacts(key, cert)
  if (typeof facts === 'string') throw new Fault(500, facts, 'The certificate that was made is none. Put your own in its place.')
  try {
    await keepWebKey(scene, { key, cert })
  } catch (error) {
    if (!isDiskError(error)) throw error
    log('error', 'web: the certificate that was made cannot be kept, and is another one after the next start', { why: sentence(error) })
    unkept.set(scene, { key, cert, facts })
  }
  return { key, cert, facts }
}

/** Throws Fault when they are no pair. Rejects with DiskError. */
export async function keepWebKey(scene: Place, { key, cert }: WebKey): Promise<void> {
  const facts = certificateFacts(key, cert)
  if (typeof facts === 'string') throw new Fault(422, facts, 'Choose the certificate (with its chain) and its private key, both as PEM.')
  const { disk } = scene.ports
  await disk.makeDir(dirOf(scene))
  await replaceFile(disk, dirOf(scene), 'key.pem', Buffer.from(key))
  await replaceFile(disk, dirOf(scene), 'cert.pem', Buffer.from(cert))
}

async function textOf(disk: Disk, path: string): Promise<string> {
  try {
    return Buffer.from(await disk.read(path)).toString()
  } catch (error) {
    if (isDiskError(error)) return ''
    throw error
  }
}
