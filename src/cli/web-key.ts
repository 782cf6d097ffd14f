import { type Disk, isDiskError, replaceFile } from '../ports/disk.ts'
import { sentence } from '../ports/log.ts'
import { type CertificateFacts, certificateFacts, selfSigned } from '../web/certificate.ts'
import { Fault } from '../web/fault.ts'
import type { Scene } from './command.ts'

/** The key and the certificate of the page: `web/key.pem` and `web/cert.pem` in the data directory, mode 0600. */
export type WebKey = { key: string; cert: string }
type SeenKey = WebKey & { facts: CertificateFacts }

/** Longer than a box lives: nobody comes by to renew it, and whoever trusts it trusts the fingerprint. */
const yearsMs = 20 * 365.25 * 24 * 3_600_000
const serialBytes = 16
/** Many a read error is gone the second time. */
const readAttempts = 2

type Place = Pick<Scene, 'ports' | 'dir'>
const dirOf = ({ dir }: Place): string => `${dir}/web`

/** A pair that is about to take its place: two files cannot be replaced at once, so until both are, it stands here whole. */
const nextName = 'next.json'

/** What is kept; undefined: there are no such files. Rejects with DiskError when they cannot be read, and throws Fault when they are no pair. Nothing is written. */
export async function readWebKey(place: Place): Promise<SeenKey | undefined> {
  // Who replaces them just now takes the new pair away from aside when both are in place: so another look finds one pair or the other.
  const looks = [standing, aside, standing]
  let found: SeenKey | string | undefined
  for (const look of looks) {
    const now = await look(place)
    if (typeof now === 'object') return now
    found = now ?? found
  }
  if (found === undefined) return undefined
  throw new Fault(500, `web/key.pem and web/cert.pem cannot be used: ${found}`, 'Put a certificate there with its key, or remove both.')
}

/** False: there is none, and one will be made. */
export const hasWebKey = (place: Place): Promise<boolean> =>
  readWebKey(place).then(
    (known) => known !== undefined,
    () => true,
  )

/** Makes one for these names, when there is none; files that are there are never written over. Rejects like `readWebKey`, and with DiskError. */
export function ownWebKey(scene: Scene, names: readonly string[]): Promise<SeenKey> {
  return inTurn(scene, async () => {
    const known = await readWebKey(scene)
    if (known) return known
    const made = await madeFor(scene, names)
    await replacePair(scene, made)
    return made
  })
}

/** One for each process: a fingerprint stays for as long as somebody may compare it. */
const standIns = new WeakMap<Disk, Promise<SeenKey>>()

/** For who has to serve: where what is kept cannot be had, a pair that is kept nowhere stands in, aloud. */
export async function webKeyOrStandIn(scene: Scene, names: readonly string[]): Promise<SeenKey> {
  try {
    return await ownWebKey(scene, names)
  } catch (error) {
    scene.ports.log('error', 'web: the certificate cannot be used; one that is made for now stands in', { why: sentence(error) })
    const standIn = standIns.get(scene.ports.disk) ?? madeFor(scene, names)
    standIns.set(scene.ports.disk, standIn)
    return standIn
  }
}

/** Throws Fault when they are no pair. A power cut leaves the old pair or the new one. Rejects with DiskError. */
export async function keepWebKey(place: Place, { key, cert }: WebKey): Promise<void> {
  const facts = certificateFacts(key, cert)
  if (typeof facts === 'string') throw new Fault(422, facts, 'Choose the certificate (with its chain) and its private key, both as PEM.')
  await inTurn(place, () => replacePair(place, { key, cert }))
}

/** At a start: a pair whose replacement was cut off takes its place. */
export async function finishWebKey(place: Place): Promise<void> {
  try {
    const next = await aside(place)
    if (typeof next === 'object') await putInPlace(place, next)
  } catch (error) {
    place.ports.log('error', 'web: the new certificate cannot be put in place', { why: sentence(error) })
  }
}

async function replacePair(place: Place, { key, cert }: WebKey): Promise<void> {
  const { disk } = place.ports
  await disk.makeDir(dirOf(place))
  await replaceFile(disk, dirOf(place), nextName, Buffer.from(JSON.stringify({ key, cert })))
  try {
    await putInPlace(place, { key, cert })
  } catch (error) {
    // Whoever is told that it was refused does not want it at the next start. Once the key is there, that is the only way to a pair.
    const standing = await textOf(place, 'key.pem').catch(() => key)
    if (standing !== key) await disk.remove(`${dirOf(place)}/${nextName}`).catch(() => {})
    throw error
  }
}

async function putInPlace(place: Place, { key, cert }: WebKey): Promise<void> {
  const { disk } = place.ports
  await replaceFile(disk, dirOf(place), 'key.pem', Buffer.from(key))
  await replaceFile(disk, dirOf(place), 'cert.pem', Buffer.from(cert))
  await disk.remove(`${dirOf(place)}/${nextName}`)
  await disk.sync(dirOf(place))
}

async function madeFor({ ports: { random }, builtAt }: Scene, names: readonly string[]): Promise<SeenKey> {
  const key = await random.ecKey()
  const cert = selfSigned(key, names, random.bytes(serialBytes), builtAt, builtAt + yearsMs)
  const facts = certificateFacts(key, cert)
  if (typeof facts === 'string') throw new Fault(500, `The certificate that was made is none: ${facts}`, 'Look at the log.')
  return { key, cert, facts }
}

/** A sentence: it is no pair. Undefined: there is none. */
const pairOf = (key: string, cert: string): SeenKey | string => {
  const facts = certificateFacts(key, cert)
  return typeof facts === 'string' ? facts : { key, cert, facts }
}

async function standing(place: Place): Promise<SeenKey | string | undefined> {
  const key = await textOf(place, 'key.pem')
  const cert = await textOf(place, 'cert.pem')
  return key === undefined && cert === undefined ? undefined : pairOf(key ?? '', cert ?? '')
}

async function aside(place: Place): Promise<SeenKey | string | undefined> {
  const text = await textOf(place, nextName)
  if (text === undefined) return undefined
  const { key, cert } = JSON.parse(text) as WebKey
  return pairOf(key, cert)
}

/** Undefined: there is no such file. */
async function textOf(place: Place, name: string, left = readAttempts): Promise<string | undefined> {
  const { disk } = place.ports
  try {
    return Buffer.from(await disk.read(`${dirOf(place)}/${name}`)).toString()
  } catch (error) {
    if (isDiskError(error, 'ENOENT')) return undefined
    if (isDiskError(error) && left > 1) return textOf(place, name, left - 1)
    throw error
  }
}

const turns = new WeakMap<Disk, Promise<unknown>>()

/** Page, mailbox and mail door ask for the pair at once: two that write it would leave the key of one and the certificate of the other. */
function inTurn<T>({ ports: { disk } }: Place, deed: () => Promise<T>): Promise<T> {
  const done = (turns.get(disk) ?? Promise.resolve()).then(deed)
  turns.set(
    disk,
    done.catch(() => {}),
  )
  return done
}
