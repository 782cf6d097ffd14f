import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Component, cycloneDx } from '../parts/cyclonedx.ts'
import { componentOf, packagesOf } from '../parts/npm.ts'
import type { Board } from './board.ts'
import { uuidOf } from './layout.ts'
import type { Release } from './release.ts'

/** SBOM: what the image consists of: every package of Debian, and every one of npm. */
export function sbom(root: string, tree: string, board: Board, { version, epoch }: Release): string {
  const status = readFileSync(join(tree, 'usr/share/outpost/dpkg-status'), 'utf8')
  const components = [...debianPackages(status), ...packagesOf(root, board.arch).map(componentOf)]
  const name = `outpost-${board.name}`
  const uuid = uuidOf(`${name} ${version} ${JSON.stringify(components)}`)
  return cycloneDx({ type: 'firmware', name, version }, components, uuid, new Date(epoch * 1000).toISOString())
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
