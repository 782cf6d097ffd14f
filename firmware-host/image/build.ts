import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readBoard } from './board.ts'
import { folder } from './bundle.ts'
import { makeData } from './data.ts'
import { DiskImage } from './disk.ts'
import { lay, makeFat } from './fat.ts'
import { firstSlots, grubCfg, grubEnv, grubFile, makeGrub } from './grub.ts'
import { layoutFor, partition } from './layout.ts'
import { Progress } from './progress.ts'
import { publish } from './publish.ts'
import { bootFiles, isPi, startFiles } from './raspberry-pi.ts'
import { releaseOf } from './release.ts'
import { layRoot, packRoot } from './root.ts'
import { ProgramFailed, run } from './run.ts'
import { sbom } from './sbom.ts'
import { exampleJson, readme } from './start-files.ts'
import { debianTree } from './tree.ts'

/**
 * Build: one commit and one board go in, an image to flash comes out (firmware-host/README.md). Two builds of one commit from the same Debian packages give the same octets: every time is that of
 * the commit, every id follows from names, every folder is taken in order.
 */
const usage = `npm run image -- --board NAME [--out FILE.img.zst] [--keyring CERTIFICATE.pem] [--mirror URL] [--security URL] [--cache DIR] [--fresh]

NAME: a board of which an image can be built (bin/outpost board list). --keyring: who signs updates; without it the box takes none.
--fresh: with the packages that Debian has now, and not with those of the tree that is kept.`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      board: { type: 'string' },
      out: { type: 'string' },
      keyring: { type: 'string' },
      mirror: { type: 'string', default: 'http://deb.debian.org/debian' },
      security: { type: 'string', default: 'http://deb.debian.org/debian-security' },
      cache: { type: 'string', default: join(homedir(), '.cache/outpost-image') },
      fresh: { type: 'boolean', default: false },
    },
  })
  if (values.board === undefined) throw new Error(usage)
  const root = resolve(import.meta.dirname, '../..')
  const progress = new Progress(process.stderr)
  const board = await readBoard(root, values.board)
  const release = await releaseOf(root)
  const out = resolve(values.out ?? join(root, 'build', `outpost-${board.name}-${release.version}.img.zst`))
  if (!out.endsWith('.img.zst')) throw new Error('--out: The name must end with .img.zst, which is what the Imager and bmaptool know.')
  if (values.keyring !== undefined && !existsSync(values.keyring)) throw new Error(`--keyring: There is no file ${values.keyring}.`)
  const cache = resolve(values.cache)
  progress.note(`${board.title}, Outpost ${release.version}, time of everything ${new Date(release.epoch * 1000).toISOString()}`)
  const work = mkdtempSync(join(tmpdir(), 'outpost-image-'))
  process.once('SIGINT', () => {
    rmSync(work, { recursive: true, force: true })
    process.exit(130)
  })
  try {
    await progress.step('Bundle', () => buildBundle(root))
    const source = { mirror: values.mirror, security: values.security, suite: 'trixie' }
    const tree = await progress.step('Debian', () =>
      debianTree(board, source, { cache, fresh: values.fresh, now: new Date(), say: progress.note }),
    )
    const layout = layoutFor(board)
    let boot: string | undefined
    const starts: Record<string, string | Uint8Array> = { 'README.txt': readme(board), 'outpost.example.json': exampleJson(board) }
    const paths = {
      root: join(work, 'root.squashfs'),
      start: join(work, 'start.fat'),
      data: join(work, 'data.ext4'),
      raw: out.replace(/\.zst$/, ''),
    }
    const dir = await progress.step('Root', async () => {
      const raw = join(work, 'tree')
      if (isPi(board) || board.boot.recipe === 'grub-efi') {
        // What starts the machine is taken from the tree before it is pared down.
        mkdirSync(raw)
        await run('tar', ['--numeric-owner', '-xpf', tree, '-C', raw])
      }
      const made = await layRoot({ root, tree, work, cache, board, release, keyring: values.keyring })
      if (isPi(board)) {
        await run('cp', ['-a', `${made}/boot/.`, join(raw, 'boot')])
        Object.assign(starts, startFiles(raw, layout))
        boot = join(work, 'boot')
        await lay(boot, await bootFiles(root, raw, board, layout))
        rmSync(join(made, 'usr/lib/raspi-firmware'), { recursive: true, force: true })
        rmSync(join(made, 'boot'), { recursive: true })
        folder(join(made, 'boot/firmware'))
      } else {
        starts[`EFI/BOOT/${grubFile(board)}`] = await makeGrub(raw, board)
        starts['EFI/BOOT/grub.cfg'] = grubCfg(board, layout)
        starts['EFI/BOOT/grubenv'] = grubEnv(firstSlots)
      }
      return made
    })
    await progress.step('Squashfs', () => packRoot(dir, paths.root, board, release))
    await progress.step('Partitions', async () => {
      await lay(join(work, 'start'), starts)
      const fat = { seed: `outpost ${board.name} start`, label: 'OUTPOST', size: partition(layout, 'start').size, epoch: release.epoch }
      await makeFat(paths.start, join(work, 'start'), fat)
      if (boot !== undefined)
        await makeFat(join(work, 'boot.fat'), boot, {
          ...fat,
          seed: `outpost ${board.name} boot`,
          label: 'BOOT',
          size: partition(layout, 'boot-a').size,
        })
      await makeData(paths.data, { board: board.name, size: partition(layout, 'data').size, epoch: release.epoch })
      mkdirSync(dirname(out), { recursive: true })
      const disk = await DiskImage.create(paths.raw, layout)
      await disk.fill('start', paths.start)
      if (boot !== undefined) await disk.fill('boot-a', join(work, 'boot.fat'))
      await disk.fill('root-a', paths.root)
      await disk.fill('data', paths.data)
      await disk.close()
    })
    const list = await progress.step('Publish', async () => {
      const stem = out.replace(/\.img\.zst$/, '')
      writeFileSync(`${stem}.sbom.json`, sbom(root, dir, board, release))
      // What an update bundle is made of.
      await run('cp', [paths.root, `${stem}.root.squashfs`])
      if (boot !== undefined) await run('cp', [join(work, 'boot.fat'), `${stem}.boot.fat`])
      const files = await publish(paths.raw, out, board, release)
      return [
        ...files,
        ...['.sbom.json', '.root.squashfs', '.img'].map((end) => ({ path: `${stem}${end}`, bytes: statSync(`${stem}${end}`).size })),
      ]
    })
    for (const { path, bytes } of list) process.stdout.write(`${path}  ${(bytes / 1e6).toFixed(1)} MB\n`)
    if (values.keyring === undefined) progress.note('No --keyring was given: a box with this image takes no updates.')
    progress.note(`Built in ${progress.seconds()} s.`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function buildBundle(root: string): Promise<void> {
  await run('npm', ['run', '--silent', 'build'], { cwd: root })
  await run('npm', ['run', '--silent', 'build:host'], { cwd: root })
}

try {
  await main()
} catch (error) {
  process.stderr.write(`image: ${error instanceof ProgramFailed || error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
