import { existsSync, rmSync } from 'node:fs'
import { blank, readJson, replace, syncDir } from './files.ts'

/** Remains: what a box keeps of its owner outside the gateway's directory. It goes with the id of the device: a box that was reset has another one. */
export type Places = { host: string; start: string }

/** What the provisioning file said without its secrets (site, addresses, names of networks), and what was wrong with one. */
const onTheCard = ['outpost.taken.json', 'outpost-result.txt']

/** The networks that it knew, and what the start partition tells of them. Returns sentences: what could not be removed. */
export function removeRemains({ host, start }: Places): string[] {
  rmSync(`${host}/network.json`, { force: true })
  try {
    const paths = onTheCard.map((name) => `${start}/${name}`).filter((path) => existsSync(path))
    for (const path of paths) {
      blank(path)
      rmSync(path)
    }
    if (paths.length > 0) syncDir(start)
    return []
  } catch (error) {
    return [`remains: ${error instanceof Error ? error.message : error}`]
  }
}

/** The key of the access point, which is made for one owner. `makeKey` makes another for the next; the remains of the one before go first, so that a power cut in between leaves them to the next boot. */
export function keepIdentity(places: Places, id: string, makeKey: () => string): { key: string; whys: string[] } {
  const file = `${places.host}/identity.json`
  const before = readJson<{ id: string; key: string }>(file)
  if (before?.id === id) return { key: before.key, whys: [] }
  const whys = removeRemains(places)
  const key = makeKey()
  replace(file, JSON.stringify({ id, key }))
  return { key, whys }
}
