import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readClimate } from '../../src/device/climate.ts'
import { countedOn, lifeOf, readWear } from '../../src/device/wear.ts'
import { SimSys } from '../sim/world/sys.ts'

test('what was written is added up over boots, and begins with nothing', () => {
  const first = countedOn(undefined, 'a', 5000)
  assert.equal(first.bytes, 0, 'whoever wrote the image wrote before us')
  const later = countedOn(first, 'a', 7000)
  assert.equal(later.bytes, 2000)
  const next = countedOn(later, 'b', 600)
  assert.equal(next.bytes, 2600, 'counters of the kernel begin anew with each boot')
  assert.equal(countedOn(next, 'b', 600).bytes, 2600)
  assert.equal(countedOn(next, 'b', 100).bytes, 2700, 'a counter that fell belongs to another card')
})

// Fields as Documentation/block/stat.rst has them; the seventh is sectors written.
const stat = (sectors: number) => `    4321      120   300000     1000    2000      50    ${sectors}      900        0     1500     1900\n`

test('a partition is counted with its whole device', async () => {
  const sys = new SimSys({
    '/sys/dev/block/179:3/partition': '3\n',
    '/sys/dev/block/179:3/stat': stat(8),
    '/sys/dev/block/179:3/../stat': stat(2048),
    '/sys/dev/block/179:3/../device/life_time': '0x01 0x03\n',
    '/sys/dev/block/179:3/../device/pre_eol_info': '0x01\n',
    '/sys/dev/block/254:0/stat': stat(10),
  })
  assert.deepEqual(await readWear(sys, '179:3'), { counted: 2048 * 512, life: { usedPercent: 30, nearlyOver: false } })
  assert.deepEqual(await readWear(sys, '254:0'), { counted: 5120 })
  assert.deepEqual(await readWear(sys, '0:42'), {}, 'a file system without a device')
  assert.deepEqual(await readWear(sys, undefined), {})
})

test('an eMMC that is nearly used up says so by either register', () => {
  assert.deepEqual(lifeOf('0x0a 0x01', '0x01'), { usedPercent: 100, nearlyOver: true })
  assert.deepEqual(lifeOf('0x0b 0x0b', '0x01'), { usedPercent: 100, nearlyOver: true })
  assert.deepEqual(lifeOf('0x02 0x02', '0x02'), { usedPercent: 20, nearlyOver: true })
  assert.deepEqual(lifeOf('0x01 0x01', undefined), { usedPercent: 10, nearlyOver: false })
  assert.equal(lifeOf('0x00 0x00', '0x00'), undefined, 'not defined, as cards before 5.0 have it')
  assert.equal(lifeOf(undefined, undefined), undefined)
})

test('the temperature is that of the processor, and a supply that is too weak is told by either kernel', async () => {
  const zones = {
    '/sys/class/thermal/cooling_device0/type': 'fan',
    '/sys/class/thermal/thermal_zone0/type': 'acpitz\n',
    '/sys/class/thermal/thermal_zone0/temp': '27800\n',
    '/sys/class/thermal/thermal_zone1/type': 'cpu-thermal\n',
    '/sys/class/thermal/thermal_zone1/temp': '51540\n',
  }
  assert.deepEqual(await readClimate(new SimSys(zones)), { celsius: 52 })
  const firmware = async (bits: string) =>
    (await readClimate(new SimSys({ '/sys/devices/platform/soc/soc:firmware/get_throttled': bits }))).supply
  assert.equal(await firmware('0\n'), 'good')
  assert.equal(await firmware('50005\n'), 'low')
  assert.equal(await firmware('50000\n'), 'was-low')
  const monitor = async (alarm: string) =>
    (
      await readClimate(
        new SimSys({
          '/sys/class/hwmon/hwmon0/name': 'cpu_thermal\n',
          '/sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
          '/sys/class/hwmon/hwmon1/in0_lcrit_alarm': alarm,
        }),
      )
    ).supply
  assert.equal(await monitor('0\n'), 'good')
  assert.equal(await monitor('1\n'), 'low')
  assert.deepEqual(await readClimate(new SimSys()), {}, 'nothing is made up')
})
