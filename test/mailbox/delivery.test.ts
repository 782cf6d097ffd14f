import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Delivery } from '../../src/mailbox/delivery.ts'
import { Drop } from '../../src/mailbox/drop.ts'
import { listMail, showMail } from '../../src/mailbox/maildir.ts'
import { sweep } from '../../src/mailbox/retention.ts'
import { isDiskError } from '../../src/ports/disk.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'

const root = 'mailbox'
const mail = (subject: string) => Buffer.from(`From: a@b\r\nSubject: ${subject}\r\nDate: x\r\n\r\nbye\r\n`)
const subjects = async (disk: SimDisk) => (await listMail(disk, root)).map(({ subject }) => subject)

/** What was listed since it was last asked. */
function watched(disk: SimDisk): () => string[] {
  const listed: string[] = []
  const list = disk.list.bind(disk)
  disk.list = (dir) => {
    listed.push(dir)
    return list(dir)
  }
  return () => listed.splice(0)
}

describe('what is listed', () => {
  test('a Maildir is listed before the first mail into it, and not again for each', async () => {
    const disk = new SimDisk()
    const listed = watched(disk)
    const delivery = new Delivery(disk, root)
    for (let id = 1; id <= 20; id++) await delivery.put(id % 2 ? 'ops' : 'night', `10.O${id}.aa`, mail(String(id)))
    assert.deepEqual(
      listed(),
      ['ops/new', 'ops/cur', 'night/new', 'night/cur'].map((dir) => `${root}/${dir}`),
    )
    assert.equal((await subjects(disk)).length, 20)
  })

  test('what is remembered is bounded, and twins are found beyond it', async () => {
    const disk = new SimDisk()
    const listed = watched(disk)
    const delivery = new Delivery(disk, root, 4)
    for (let id = 1; id <= 12; id++) for (const subject of ['one', 'twin']) await delivery.put('ops', `10.O${id}.aa`, mail(subject))
    assert.deepEqual(
      await subjects(disk),
      Array.from({ length: 12 }, () => 'one'),
    )
    listed()
    await delivery.put('ops', '10.O13.aa', mail('one'))
    await delivery.put('ops', '10.O14.aa', mail('one'))
    assert.equal(listed().length, 4, 'a mailbox that holds more is listed for each')
  })

  test('a Maildir that could not be listed is listed at the next try', async () => {
    const disk = new SimDisk()
    await new Delivery(disk, root).put('ops', '10.O1.aa', mail('one'))
    const list = disk.list.bind(disk)
    disk.list = () => Promise.reject(new Error('EIO'))
    const delivery = new Delivery(disk, root)
    await assert.rejects(delivery.put('ops', '20.O1.aa', mail('twin')))
    disk.list = list
    await delivery.put('ops', '20.O1.aa', mail('twin'))
    assert.deepEqual(await subjects(disk), ['one'])
  })
})

describe('twins', () => {
  test('one that was there before the start is found, also when it was read since', async () => {
    const disk = new SimDisk()
    const before = new Delivery(disk, root)
    for (const id of [1, 2]) await before.put('ops', `10.O${id}.aa`, mail('one'))
    await disk.rename(`${root}/ops/new/10.O1.aa`, `${root}/ops/cur/10.O1.aa:2,S`)
    const after = new Delivery(disk, root)
    for (const id of [1, 2]) await after.put('ops', `99.O${id}.aa`, mail('twin'))
    assert.deepEqual(await subjects(disk), ['one', 'one'])
  })

  test('one that was read while the gateway runs is found', async () => {
    const disk = new SimDisk()
    const delivery = new Delivery(disk, root)
    await delivery.put('ops', '10.O1.aa', mail('one'))
    await disk.rename(`${root}/ops/new/10.O1.aa`, `${root}/ops/cur/10.O1.aa:2,S`)
    await delivery.put('ops', '99.O1.aa', mail('twin'))
    assert.deepEqual(await subjects(disk), ['one'])
  })

  test('one whose delivery failed after it had its name is found at the next try, and survives a power cut', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const disk = new SimDisk()
      const delivery = new Delivery(disk, root)
      disk.faults.failSync = 2
      await assert.rejects(delivery.put('ops', '10.O1.aa', mail('one')))
      await delivery.put('ops', '11.O1.aa', mail('one'))
      assert.deepEqual(await subjects(disk), ['one'])
      assert.ok(await showMail(disk.powerCut(new SimRandom(seed)), root, 'ops/10.O1.aa'), `seed ${seed}`)
    }
  })

  test('of two deliveries at once neither gets lost, and of two twins one is there', async () => {
    const disk = new SimDisk()
    const delivery = new Delivery(disk, root)
    await Promise.all(['O1', 'O2', 'O1'].map((id) => delivery.put('ops', `10.${id}.aa`, mail(id))))
    assert.deepEqual(await subjects(disk), ['O2', 'O1'])
  })
})

test('after a full disk, and one that was read-only, the mail is delivered whole', async () => {
  for (const [fault, code] of [
    [{ capacity: 20 }, 'ENOSPC'],
    [{ readOnly: true }, 'EROFS'],
  ] as const) {
    const disk = new SimDisk()
    const delivery = new Delivery(disk, root)
    disk.faults = fault
    await assert.rejects(delivery.put('ops', '10.O1.aa', mail('one')), (error) => isDiskError(error, code))
    disk.faults = {}
    await delivery.put('ops', '11.O1.aa', mail('one'))
    assert.deepEqual(await subjects(disk), ['one'])
  }
})

test('what POP3 or retention has taken away is no twin', async () => {
  const disk = new SimDisk()
  const delivery = new Delivery(disk, root)
  await delivery.put('ops', '10.O1.aa', mail('one'))
  const drop = await Drop.open(disk, root, 'ops', new Map())
  await drop.close(new Set(drop.messages))
  await delivery.put('ops', '20.O1.aa', mail('two'))
  assert.deepEqual(await subjects(disk), ['two'])
  await sweep(disk, root, { old: { from: 1, before: 30 }, maxBytes: 1000 })
  await delivery.put('ops', '40.O1.aa', mail('three'))
  assert.deepEqual(await subjects(disk), ['three'])
})
