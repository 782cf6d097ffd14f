import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { layBundle, openToAll, put } from '../image/bundle.ts'
import { run } from '../image/run.ts'
import { control, scripts, units } from './control.ts'

/**
 * `npm run deb [-- --arch x64|arm64] [--out DIR]`: Outpost as a Debian package, for those who have an image of their own. The same bundle and the same unit as on a flashed device. Octet by octet the same for the same
 * commit.
 */
const root = new URL('../..', import.meta.url).pathname
const arches = { x64: 'amd64', arm64: 'arm64' } as const

const { values } = parseArgs({
  options: { arch: { type: 'string', default: process.arch }, out: { type: 'string', default: join(root, 'build') } },
})
const arch = values.arch === 'arm64' || values.arch === 'x64' ? values.arch : undefined
if (!arch) throw new Error(`There is no package for ${values.arch}. Write --arch x64 or --arch arm64.`)

/** Files of the device's own tree that a machine with its own system needs, too. */
const shared = [
  'usr/bin/outpost',
  'usr/lib/sysusers.d/outpost.conf',
  'usr/lib/udev/rules.d/70-outpost-lamps.rules',
  'usr/lib/modules-load.d/outpost.conf',
  'usr/lib/outpost/host/clock',
]

const epoch = (await run('git', ['-C', root, 'log', '-1', '--format=%ct'])).toString().trim()
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const work = mkdtempSync(join(tmpdir(), 'outpost-deb-'))
try {
  await run('npm', ['run', '--silent', 'build'], { cwd: root })
  const home = join(work, 'usr/lib/outpost')
  await layBundle(root, home, { arch }, join(homedir(), '.cache/outpost-image'))
  const tree = join(root, 'firmware-host/rootfs')
  for (const path of shared) cpSync(join(tree, path), join(work, path))
  for (const unit of units) cpSync(join(tree, 'etc/systemd/system', unit), join(work, 'usr/lib/systemd/system', unit))
  cpSync(join(root, 'dist/licences.txt'), join(work, 'usr/share/doc/outpost/copyright'))
  for (const name of readdirSync(join(root, 'docs')).filter((one) => one.endsWith('.md')))
    cpSync(join(root, 'docs', name), join(work, 'usr/share/doc/outpost', name))
  await openToAll(work)
  for (const program of ['usr/bin/outpost', 'usr/lib/outpost/host/clock']) chmodSync(join(work, program), 0o755)
  const installedKiB = sizeOf(join(work, 'usr'))
  put(join(work, 'DEBIAN/control'), control({ version, arch: arches[arch], installedKiB }))
  for (const [name, text] of Object.entries(scripts)) put(join(work, 'DEBIAN', name), text, 0o755)
  mkdirSync(values.out, { recursive: true })
  const path = join(values.out, `outpost_${version}_${arches[arch]}.deb`)
  await run('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', work, path], { env: { SOURCE_DATE_EPOCH: epoch } })
  console.log(`${path}: ${(statSync(path).size / 1e6).toFixed(1)} MB, ${(installedKiB / 1024).toFixed(0)} MiB installed`)
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** KiB of all files in a folder. */
function sizeOf(dir: string): number {
  let bytes = 0
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size
  return Math.ceil(bytes / 1024)
}
