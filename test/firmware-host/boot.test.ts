import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import type { Board } from '../../firmware-host/image/board.ts'
import { boardFiles, memoryLimitMiB } from '../../firmware-host/image/board-files.ts'
import { firstSlots, grubCfg, grubEnv, kernelOptions } from '../../firmware-host/image/grub.ts'
import { layoutFor, partition } from '../../firmware-host/image/layout.ts'
import { leftOut, packagesFor } from '../../firmware-host/image/packages.ts'
import { cmdlineTxt, isPi, overlaysOf } from '../../firmware-host/image/raspberry-pi.ts'
import { raucConf } from '../../firmware-host/image/rauc.ts'
import { debianPackages } from '../../firmware-host/image/sbom.ts'

const root = resolve(import.meta.dirname, '../..')
const boards: Board[] = readdirSync(join(root, 'boards'))
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ ...(JSON.parse(readFileSync(join(root, 'boards', name), 'utf8')) as Board), name: name.replace('.json', '') }))
  .filter(({ boot }) => (boot.recipe as string) !== 'none')

test('there are boards of both recipes', () => {
  assert.deepEqual([...new Set(boards.map(({ boot }) => boot.recipe))].sort(), ['grub-efi', 'raspberry-pi'])
})

for (const board of boards) {
  test(`${board.name}: kernel, boot loader and RAUC mean the same slots`, () => {
    const layout = layoutFor(board)
    const conf = raucConf(board, layout)
    for (const role of ['root-a', 'root-b'] as const)
      assert.ok(conf.includes(`device=/dev/disk/by-partuuid/${partition(layout, role).uuid}\n`))
    const words = isPi(board) ? ['A', 'B'].map((slot) => cmdlineTxt(board, layout, slot as 'A' | 'B')).join('') : grubCfg(board, layout)
    for (const [role, slot] of [
      ['root-a', 'A'],
      ['root-b', 'B'],
    ] as const)
      assert.ok(words.includes(`root=PARTUUID=${partition(layout, role).uuid} rauc.slot=${slot}`))
  })

  test(`${board.name}: the console is the last that the kernel is told`, () => {
    assert.match(
      kernelOptions(board)
        .filter((option) => option.startsWith('console='))
        .at(-1) ?? '',
      new RegExp(`^console=${board.boot.console}(,|$)`),
    )
  })

  test(`${board.name}: gateway and machine keep within what the board has`, () => {
    const files = boardFiles(board, { version: '1', epoch: 1, commit: 'x' })
    // What the system and the cache of the disk need beside the gateway.
    assert.ok(memoryLimitMiB(board) <= board.memoryMiB - 160, `${memoryLimitMiB(board)} of ${board.memoryMiB} MiB`)
    const seconds = Number(/RuntimeWatchdogSec=(\d+)s/.exec(files['etc/systemd/system.conf.d/50-board.conf'] ?? '')?.[1])
    assert.ok(board.watchdog && seconds <= board.watchdog.maxSeconds)
  })

  if (isPi(board))
    test(`${board.name}: every overlay of config.txt is there to be built`, () => {
      for (const name of overlaysOf(board)) assert.ok(existsSync(join(root, 'boards/overlays', `${name}.dts`)), name)
    })
}

test('the environment block of GRUB has 1,024 octets and begins as GRUB wants it', () => {
  const block = grubEnv(firstSlots)
  assert.equal(Buffer.byteLength(block), 1024)
  assert.match(block, /^# GRUB Environment Block\nORDER=A B\nA_OK=1\nA_TRY=0\nA_SURE=0\nB_OK=0\nB_TRY=0\nB_SURE=0\n#+$/)
})

test('drivers of Wi-Fi and its programs are where there is Wi-Fi, and only there', () => {
  for (const board of boards) {
    assert.equal(packagesFor(board).includes('wpasupplicant'), board.wifi, board.name)
    assert.equal(
      leftOut(board).some((path) => path.includes('net/wireless')),
      !board.wifi,
      board.name,
    )
  }
})

test('the list of what an image consists of has what is installed, and not what dpkg only remembers', () => {
  const status = [
    'Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.41-12\n',
    'Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n',
    'Package: g++\nStatus: install ok installed\nArchitecture: amd64\nVersion: 4:14.2.0-1\n',
  ].join('\n')
  assert.deepEqual(
    debianPackages(status).map(({ purl }) => purl),
    ['pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie', 'pkg:deb/debian/g%2B%2B@4%3A14.2.0-1?arch=amd64&distro=trixie'],
  )
})
