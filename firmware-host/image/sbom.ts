import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Board } from './board.ts'
import { readLock, shippedPackages } from './bundle.ts'
import { uuidOf } from './layout.ts'
import type { Release } from './root.ts'

/** SBOM: what the image consists of, as CycloneDX 1.6 (https://cyclonedx.org). */
type Component = {
  type: string
  name: string
  version: string
  purl: string
  licenses?: { license: { name: string } }[]
  'bom-ref': string
}

export function sbom(root: string, tree: string, board: Board, { version, epoch }: Release): string {
  const status = readFileSync(join(tree, 'usr/share/outpost/dpkg-status'), 'utf8')
  const components = [...debianPackages(status), ...npmPackages(root, board)].sort((a, b) => (a.purl < b.purl ? -1 : 1))
  const name = `outpost-${board.name}`
  return `${JSON.stringify(
    {
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      serialNumber: `urn:uuid:${uuidOf(`${name} ${version} ${JSON.stringify(components)}`)}`,
      version: 1,
      metadata: {
        timestamp: new Date(epoch * 1000).toISOString(),
        component: { type: 'firmware', name, version, 'bom-ref': name },
      },
      components,
    },
    null,
    1,
  )}\n`
}

/** Pure. From dpkg's status file; those that are only known, and not there, are left out. */
export function debianPackages(status: string): Component[] {
  return status.split('\n\n').flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1]
    const [name, version, arch, state] = ['Package', 'Version', 'Architecture', 'Status'].map(field)
    if (name === undefined || version === undefined || arch === undefined || state !== 'install ok installed') return []
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${arch}&distro=trixie`
    return [{ type: 'library', name, version, purl, 'bom-ref': purl }]
  })
}

function npmPackages(root: string, { arch }: Board): Component[] {
  const node = `node-linux-${arch}`
  const entry = readLock(root).packages[`node_modules/${node}`]
  const all = [...shippedPackages(root), ...(entry ? [{ name: node, entry }] : [])]
  return all.map(({ name, entry: { version = '', license } }) => {
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
    return {
      type: 'library',
      name,
      version,
      purl,
      ...(license === undefined ? {} : { licenses: [{ license: { name: license } }] }),
      'bom-ref': purl,
    }
  })
}
