import assert from 'node:assert/strict'
import { test } from 'node:test'
import { perform } from '../../src/cli/outpost.ts'
import { NodeDisk } from '../../src/ports/node/disk.ts'
import { SimSys } from '../sim/world/sys.ts'

const boardsDir = new URL('../../boards', import.meta.url).pathname

/** What the command prints on a machine that tells this of itself. */
async function printed(sys: SimSys, ...argv: string[]): Promise<string> {
  let out = ''
  const scene = {
    env: {},
    boardsDir,
    ports: { disk: new NodeDisk(), sys },
    out: (text: string) => {
      out += text
    },
  }
  await perform(['board', ...argv], scene as unknown as Parameters<typeof perform>[1])
  return out
}
const pi4 = new SimSys({ '/sys/firmware/devicetree/base/compatible': 'raspberrypi,4-model-b\0brcm,bcm2711\0' })

test('board detect names the board of the device tree, and show prints its lines by their labels', async () => {
  const detected = await printed(pi4, 'detect')
  assert.match(detected, /^name +raspberry-pi-4b$/m)
  assert.match(detected, /^serial +\/dev\/ttyAMA0 {2}Header pins 8 and 10; GPIO14 sends \(pin 8\).*overlay disable-bt$/m)
  assert.equal(detected, await printed(pi4, 'show', 'raspberry-pi-4b'))
})

test('programs get the whole file, with its name', async () => {
  const one = JSON.parse(await printed(pi4, 'detect', '--json')) as { name: string; heapMiB: number }
  assert.equal(one.name, 'raspberry-pi-4b')
  assert.equal(one.heapMiB, 256)
  const all = JSON.parse(await printed(pi4, 'list', '--json')) as { name: string }[]
  assert.ok(all.some((board) => board.name === 'qemu-virt-arm64'))
})

test('board list has a line a board', async () => {
  const list = await printed(pi4)
  assert.match(list, /^beaglebone-black +BeagleBone Black +none$/m)
  assert.match(list, /^generic-x86-64 .* grub-efi$/m)
})

test('a machine that no file knows, a board that is not there and a verb that is not known are sentences', async () => {
  const other = new SimSys({ '/sys/firmware/devicetree/base/compatible': 'pine64,rockpro64\0rockchip,rk3399\0' })
  await assert.rejects(printed(other, 'detect'), /knows this machine \(pine64,rockpro64, rockchip,rk3399\)/)
  await assert.rejects(printed(pi4, 'show', 'raspberry-pi-4'), /Did you mean raspberry-pi-4b\?/)
  await assert.rejects(printed(pi4, 'shw'), /board shw is not known/)
})
