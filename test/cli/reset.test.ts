import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { reset } from '../../src/cli/reset.ts'
import { statusPath } from '../../src/device/update.ts'
import { DeviceStore } from '../../src/settings/device.ts'
import { WebBox } from '../web/box.ts'

const rootfs = (path: string): string => readFileSync(new URL(`../../firmware-host/rootfs/etc/systemd/${path}`, import.meta.url), 'utf8')
const kept = (box: WebBox): string[] => box.disk.paths().filter((path) => path.startsWith('data/'))

test('a flashed box that was reset asks for a restart, which brings its new claim code to console and label; another one does not', async () => {
  const box = await WebBox.open()
  await reset(box.scene)
  assert.deepEqual(kept(box), [])
  box.sys.files.set(statusPath, JSON.stringify({ version: '0.1.0+202611010000', slot: 'A', state: 'idle' }))
  for (const life of [1, 2]) {
    const { id } = (await DeviceStore.open(box.disk, box.scene.ports.random, 'data')).data
    await reset(box.scene)
    assert.deepEqual(kept(box), ['data/reset'], `life ${life}`)
    assert.ok(box.disk.durable('data/reset'), 'a power cut does not lose it')
    assert.notEqual((await DeviceStore.open(box.disk, box.scene.ports.random, 'data')).data.id, id)
  }
})

test('root looks for that request, and takes it away before the box restarts', () => {
  const data = /^StateDirectory=(.+)$/m.exec(rootfs('system/outpost.service'))?.[1]
  const path = `/var/lib/${data}/reset`
  assert.ok(rootfs('system/outpost-reset.path').split('\n').includes(`PathExists=${path}`))
  assert.deepEqual(
    rootfs('system/outpost-reset.service')
      .split('\n')
      .filter((line) => line.startsWith('ExecStart=')),
    [`ExecStart=/usr/bin/rm ${path}`, 'ExecStart=/usr/bin/systemctl reboot'],
  )
  assert.ok(rootfs('system-preset/00-outpost.preset').split('\n').includes('enable outpost-reset.path'))
})
