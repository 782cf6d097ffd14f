import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { detectBoard, parseBoard, unknownBoard } from '../../src/board/board.ts'
import type { Board } from '../../src/board/schema.ts'

const dir = new URL('../../boards/', import.meta.url).pathname
const names = readdirSync(dir)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length))
const textOf = (name: string) => readFileSync(`${dir}${name}.json`, 'utf8')
const boards = names.map((name) => parseBoard(name, textOf(name)))

/** Header of every Raspberry Pi with 40 pins: which pin of the header a GPIO is on. */
const header: Record<string, number> = {
  GPIO0: 27,
  GPIO1: 28,
  GPIO4: 7,
  GPIO5: 29,
  GPIO8: 24,
  GPIO9: 21,
  GPIO12: 32,
  GPIO13: 33,
  GPIO14: 8,
  GPIO15: 10,
  GPIO17: 11,
}

for (const board of boards)
  test(`boards/${board.name}.json agrees with itself`, () => {
    const { boot, serial, watchdog, detect } = board
    assert.ok(serial.length > 0, 'a board without a serial line needs to say so in a note')
    if (boot.recipe !== 'none') {
      const wanted = boot.cmdline.filter((option) => option.startsWith('console=')).map((option) => option.slice(8).split(',')[0])
      if (wanted.length > 0)
        assert.equal(wanted.at(-1), boot.console, 'the last console of the command line is the one where the box speaks')
      const free = serial.filter((line) => line.path !== `/dev/${boot.console}`)
      assert.ok(free.length > 0, 'a line is left for alerts beside the console')
    }
    if (boot.recipe === 'raspberry-pi')
      for (const line of boot.configTxt.filter((one) => one.startsWith('dtoverlay=')))
        assert.ok(
          [...serial, board.button].some((one) => one?.overlay === line.slice('dtoverlay='.length)),
          `${line} is an overlay that a line or the button names`,
        )
    if (watchdog?.drivers.includes('bcm2835_wdt')) assert.equal(watchdog.maxSeconds, 15, 'its counter has 20 bits of 1/65536 s')
    if (detect.compatible?.some((one) => one.startsWith('raspberrypi,')))
      for (const text of [...serial.map((line) => line.pins ?? ''), board.button?.pins ?? ''])
        for (const [, gpio = '', pin] of text.matchAll(/(GPIO\d+)[^(]*\(pin (\d+)\)/g))
          assert.equal(Number(pin), header[gpio], `${gpio} in ${text}`)
  })

test('no two boards are found by the same name, and each architecture has at most one for the rest', () => {
  const marks = boards.flatMap(({ detect, arch }) => [
    ...(detect.compatible ?? []),
    ...(detect.product ?? []),
    ...(detect.otherwise ? [`any ${arch}`] : []),
  ])
  assert.deepEqual(
    marks.filter((mark, index) => marks.indexOf(mark) !== index),
    [],
  )
})

test('a machine is found by its device tree, by its DMI name, or by its architecture', () => {
  const found = (arch: string, compatible: string[] = [], product = '') => detectBoard(boards, { arch, compatible, product })?.name
  assert.equal(found('arm64', ['raspberrypi,4-model-b', 'brcm,bcm2711']), 'raspberry-pi-4b')
  assert.equal(found('arm64', ['raspberrypi,4-compute-module', 'brcm,bcm2711']), 'raspberry-pi-cm4-io')
  assert.equal(found('arm64', ['linux,dummy-virt']), 'qemu-virt-arm64')
  assert.equal(found('arm64', [], 'KVM Virtual Machine'), 'qemu-virt-arm64')
  assert.equal(found('x64', [], 'Standard PC (Q35 + ICH9, 2009)'), 'generic-x86-64')
  assert.equal(found('x64'), 'generic-x86-64')
  assert.equal(found('arm64', ['pine64,rockpro64', 'rockchip,rk3399']), undefined)
})

test('a file that is wrong says where, and what to write', () => {
  const good = JSON.parse(textOf('raspberry-pi-4b')) as Record<string, unknown>
  const why = (change: object, name = 'raspberry-pi-4b') => {
    try {
      parseBoard(name, JSON.stringify({ ...good, ...change }))
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  assert.equal(why({}), '')
  assert.match(why({ serail: [] }), /boards\/raspberry-pi-4b\.json: .*"serail"/)
  assert.match(why({ heapMiB: 512 }), /heapMiB: Write at most 256/)
  assert.match(why({ arch: 'armhf' }), /32-bit ARM/)
  assert.match(why({ boot: { recipe: 'none', why: 'no' } }), /boot\.why: Write a sentence/)
  assert.match(why({ detect: {} }), /detect: Write compatible, product or otherwise/)
  assert.match(
    why({
      serial: [
        { label: 'A', path: '/dev/ttyS0' },
        { label: 'A', path: '/dev/ttyS1' },
      ],
    }),
    /"A" is there twice/,
  )
  assert.match(why({ serial: [{ label: 'A', path: 'ttyS0' }] }), /serial\.0\.path: Write the path of a device/)
  assert.match(why({}, 'Raspberry'), /The name of the file/)
  assert.throws(() => parseBoard('x', '{'), /boards\/x\.json: This is not valid JSON/)
})

test('who asks for a board that is not there hears which is near', () => {
  assert.equal(unknownBoard('raspberry-pi-4', names), 'There is no board raspberry-pi-4. Did you mean raspberry-pi-4b?')
  assert.match(unknownBoard('toaster', names), /Known are: beaglebone-black, generic-x86-64/)
})

test('a board without an image says why', () => {
  const without = boards.filter((board): board is Board & { boot: { recipe: 'none'; why: string } } => board.boot.recipe === 'none')
  assert.deepEqual(
    without.map((board) => board.name),
    ['beaglebone-black', 'raspberry-pi-5'],
  )
})

test("every overlay that an image for Debian's kernel loads is in boards/overlays, since Debian has none", () => {
  const sources = readdirSync(`${dir}overlays`)
  for (const { name, boot, serial, button } of boards)
    if (boot.recipe === 'raspberry-pi')
      for (const overlay of [...serial, button].flatMap((one) => one?.overlay ?? []))
        assert.ok(sources.includes(`${overlay.split(',')[0]}.dts`), `${overlay} of ${name}`)
})
