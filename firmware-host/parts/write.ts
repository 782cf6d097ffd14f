import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { uuidOf } from '../image/layout.ts'
import { cycloneDx } from './cyclonedx.ts'
import { componentOf, licencesOf, shippedPackages } from './npm.ts'

/**
 * `npm run build:parts`: beside the bundle, or in another folder that is named, what of npm is in it (dist/sbom.cdx.json), and the words under which all that may be passed on (dist/licences.txt). The same octets for the same
 * lock file.
 */
const root = resolve(import.meta.dirname, '../..')
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name: string; version: string }
const components = shippedPackages(root).map(componentOf)
const uuid = uuidOf(`${name} ${version} ${JSON.stringify(components)}`)
const out = resolve(process.argv[2] ?? join(root, 'dist'))
const put = (file: string, text: string): void => writeFileSync(join(out, file), text)
mkdirSync(out, { recursive: true })
put('sbom.cdx.json', cycloneDx({ type: 'application', name, version }, components, uuid))
put('licences.txt', `${name} ${version}\n\n${readFileSync(join(root, 'LICENSE'), 'utf8')}\n${licencesOf(root)}`)
