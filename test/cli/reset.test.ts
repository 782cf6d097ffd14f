import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Refusal, type Scene } from '../../src/cli/command.ts'
import { perform } from '../../src/cli/outpost.ts'
import { reset } from '../../src/cli/reset.ts'
import { statusPath } from '../../src/device/update.ts'
import { type Disk, DiskError } from '../../src/ports/disk.ts'
import { DeviceStore } from '../../src/settings/device.ts'
import { wipeMark } from '../../src/settings/wipe.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'
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

const canary = 'canary-5d0e'
const owned = {
  'device.json': { id: '0123456789abcdef', access: { claim: 'ABCD-2345', password: { salt: canary, hash: 'x', cost: 1 } } },
  'device.json.bak': { id: '0123456789abcdef', access: { claim: 'ABCD-2345', password: { salt: canary, hash: 'x', cost: 1 } } },
  'secrets.json': { 'relay:isp': canary },
  'settings.json': { site: { name: canary } },
  'settings.json.bak': { site: { name: canary } },
  'mailbox/operator/new/1': canary,
  'mailbox/operator/cur/2': canary,
  'journal/000001': canary,
  'web/own.pem': canary,
}

/** A box with an owner, all of it on the disk. */
async function ownedDisk(): Promise<SimDisk> {
  const disk = new SimDisk()
  for (const [name, value] of Object.entries(owned)) {
    const path = `data/${name}`
    await disk.makeDir(path.slice(0, path.lastIndexOf('/')))
    await disk.write(path, Buffer.from(JSON.stringify(value)))
    await disk.sync(path)
    await disk.sync(path.slice(0, path.lastIndexOf('/')))
  }
  return disk
}

/** A disk that does `steps` more things, and then nothing any more. */
function cutAfter(steps: number, disk: SimDisk): { disk: Disk; cut(): boolean } {
  let left = steps
  const verbs = new Proxy<Disk>(disk, {
    get(_, verb: keyof Disk) {
      return (...args: never[]) => {
        if (left-- <= 0) return Promise.reject(new Error('the power is gone'))
        return (disk[verb] as (...words: never[]) => Promise<unknown>)(...args)
      }
    },
  })
  return { disk: verbs, cut: () => left < 0 }
}

const on = (scene: Scene, disk: Disk): Scene => ({ ...scene, ports: { ...scene.ports, disk } })
const ofTheOwner = (disk: SimDisk): string[] =>
  disk.paths().filter((path) => path.startsWith('data/') && Buffer.from(disk.durable(path) ?? []).includes(canary))

test('remains of user data (CWE-212): a power cut at any step of a reset leaves a box that is whole and claimed, or one that has nothing of its owner at the next start', async () => {
  const { scene } = await WebBox.open()
  let whole = 0
  for (let step = 0, over = false; !over; step++)
    for (const seed of [1, 2, 3, 4]) {
      const before = await ownedDisk()
      const cut = cutAfter(step, before)
      await reset(on(scene, cut.disk)).catch(() => {})
      over = !cut.cut()
      const disk = before.powerCut(new SimRandom(seed))
      const where = `step ${step}, seed ${seed}`
      await perform(['settings', 'show', '--data', 'data'], on(scene, disk))
      const device = await DeviceStore.open(disk, scene.ports.random, 'data')
      if (device.data.access?.password) {
        whole++
        assert.equal(ofTheOwner(disk).length, Object.keys(owned).length, where)
      } else assert.deepEqual(ofTheOwner(disk), [], where)
      assert.equal(await disk.size(`data/${wipeMark}`), undefined, where)
    }
  assert.ok(whole >= 4, 'cuts before the first promise')
})

test('remains of user data (CWE-212): after a reset no directory tells who had a mailbox; one that cannot go does not keep the reset from its end', async () => {
  const { scene } = await WebBox.open()
  const plain = await ownedDisk()
  await reset(on(scene, plain))
  assert.deepEqual(await plain.list('data'), [])
  const disk = await ownedDisk()
  const mounted = new Proxy<Disk>(disk, {
    get: (_, verb: keyof Disk) => (verb === 'removeDir' ? removeDir : (disk[verb] as () => unknown).bind(disk)),
  })
  const removeDir = async (dir: string): Promise<void> => {
    if (dir === 'data/mailbox') throw new DiskError('another file system is mounted there', 'EBUSY')
    await disk.removeDir(dir)
  }
  await reset(on(scene, mounted))
  assert.deepEqual(await disk.list('data'), ['mailbox'])
  assert.deepEqual(await disk.list('data/mailbox'), [])
})

test('software that knows no mark finds a claimed box after a reset that was cut off, until nothing else is left', async () => {
  const { scene } = await WebBox.open()
  for (let step = 0, over = false; !over; step++) {
    const disk = await ownedDisk()
    const cut = cutAfter(step, disk)
    await reset(on(scene, cut.disk)).catch(() => {})
    over = !cut.cut()
    const left = ofTheOwner(disk)
    const claimed = left.some((path) => path.startsWith('data/device.json'))
    assert.ok(claimed || left.length === 0, `step ${step}: ${left}`)
  }
})

test('what a failing card does not let go keeps neither the rest nor the secrets, and no life begins beside it', async () => {
  const { scene } = await WebBox.open()
  const disk = await ownedDisk()
  let failing = true
  const stuck = new Proxy<Disk>(disk, {
    get: (_, verb: keyof Disk) => (verb === 'remove' && failing ? remove : (disk[verb] as () => unknown).bind(disk)),
  })
  const remove = async (path: string): Promise<void> => {
    if (path === 'data/journal/000001') throw new DiskError('cannot remove it', 'EIO')
    await disk.remove(path)
  }
  await assert.rejects(reset(on(scene, stuck)), DiskError)
  assert.deepEqual(ofTheOwner(disk), ['data/device.json', 'data/device.json.bak', 'data/journal/000001'])
  for (const command of ['run', 'settings'])
    await assert.rejects(perform([command, '--data', 'data'], on(scene, stuck)), DiskError, command)
  assert.equal(await disk.size('data/settings.json'), undefined, 'nothing new was made')
  failing = false
  await perform(['settings', '--data', 'data'], on(scene, stuck))
  assert.deepEqual(ofTheOwner(disk), [])
})

test('a command that comes while a box is being reset reads nothing, and says why', async () => {
  const { scene } = await WebBox.open()
  const disk = await ownedDisk()
  await disk.write(`data/${wipeMark}`, new Uint8Array())
  const unlock = await disk.lock('data')
  await assert.rejects(perform(['settings', '--data', 'data'], on(scene, disk)), (error) => {
    assert.ok(error instanceof Refusal)
    assert.match(error.message, /being reset/)
    return true
  })
  await unlock?.()
  assert.equal(ofTheOwner(disk).length, Object.keys(owned).length)
})

test('remains of user data (CWE-212): after a reset the page shows nothing of the log of its owner', async () => {
  const box = await WebBox.open()
  box.scene.ports.log('warning', 'relay: letters wait', { relay: canary })
  const told: string[] = []
  box.book.follow((line) => void told.push(line))
  await reset(box.scene)
  assert.deepEqual(box.book.lines, [])
  box.scene.ports.log('info', 'device: reset, everything is gone')
  assert.equal(box.book.lines.length, 1)
  assert.equal(told.length, 1, 'who follows is told what is new')
})
