import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../../src/ports/disk.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import { Slowdown } from '../../src/ports/slowdown.ts'
import { DeviceStore } from '../../src/settings/device.ts'
import { Door } from '../../src/web/door.ts'
import { Fault } from '../../src/web/fault.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { Timeline } from '../sim/world/timeline.ts'

const password = 'correct horse battery'

const begun = Date.UTC(2026, 11, 1)

/** `later`: how long after the beginning of the first life, by the wall clock. */
async function hall(disk = new SimDisk(), { boot = 'boot-1', later = 0 } = {}) {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, boot, begun + later)
  const random = new NodeRandom()
  await disk.makeDir('data')
  const device = await DeviceStore.open(disk, random, 'data')
  const door = await Door.open(clock, random, device)
  return { door, disk, clock, timeline, pass: (ms: number) => timeline.run(timeline.now + ms) }
}

const statusOf = async (deed: Promise<unknown>): Promise<number> => {
  try {
    await deed
    return 200
  } catch (error) {
    assert.ok(error instanceof Fault, String(error))
    return error.status
  }
}

test('default password (CWE-1392): each box has its own claim code, and only that sets the first password', async () => {
  const [one, two] = [await hall(), await hall()]
  assert.match(one.door.claimCode, /^[2-9A-HJKMNP-TV-Z]{4}-[2-9A-HJKMNP-TV-Z]{4}$/)
  assert.notEqual(one.door.claimCode, two.door.claimCode)
  assert.equal(await statusOf(one.door.claim(two.door.claimCode, password, 'a')), 401)
  assert.equal(one.door.claimed, false)
  await one.door.claim(one.door.claimCode.toLowerCase().replace('-', ' '), password, 'a')
  assert.equal(one.door.claimed, true)
  assert.equal(await statusOf(one.door.claim(one.door.claimCode, 'another password', 'b')), 409)
  assert.equal(await statusOf(one.door.login(password, 'b')), 200)
})

test('brute force (CWE-307): fifty wrong passwords slow their address down to a minute each, and the owner comes in from his own', async () => {
  const { door, pass } = await hall()
  await door.claim(door.claimCode, password, 'owner')
  let waited = 0
  for (let i = 0; i < 50; i++) {
    let status = await statusOf(door.login(`wrong password ${i}`, 'guesser'))
    while (status === 429) {
      await pass(1000)
      waited += 1000
      status = await statusOf(door.login(`wrong password ${i}`, 'guesser'))
    }
    assert.equal(status, 401)
  }
  assert.ok(waited >= 40 * 60_000, `${waited} ms`)
  assert.equal(await statusOf(door.login(password, 'owner')), 200, 'whoever was right before need not wait')
  await pass(60_000)
  assert.equal(await statusOf(door.login(password, 'guesser')), 200, 'and nobody is locked out for good')
})

test('brute force (CWE-307): the wait outlives a restart', async () => {
  const first = await hall()
  await first.door.claim(first.door.claimCode, password, 'owner')
  for (let i = 0; i < 12; i++) {
    while ((await statusOf(first.door.login('wrong password', `guesser-${i}`))) === 429) await first.pass(1000)
  }
  const second = await hall(first.disk)
  assert.equal(await statusOf(second.door.login(password, 'owner')), 429)
  await second.pass(60_000)
  assert.equal(await statusOf(second.door.login(password, 'owner')), 200)
})

test('brute force (CWE-307): guesses that come together are judged one after the other, and most are sent away', async () => {
  const { door } = await hall()
  await door.claim(door.claimCode, password, 'owner')
  const statuses = await Promise.all(Array.from({ length: 40 }, (_, index) => statusOf(door.login(`wrong ${index}`, 'guesser'))))
  assert.ok(statuses.filter((status) => status === 401).length <= 4, String(statuses))
  assert.ok(statuses.filter((status) => status === 429).length >= 36)
})

test('session fixation and expiry (CWE-384, CWE-613): a session ends after half an hour without use, at logout, and for all others when the password changes', async () => {
  const { door, pass } = await hall()
  const first = await door.claim(door.claimCode, password, 'a')
  const second = await door.login(password, 'b')
  assert.notEqual(first, second, 'each login has a new id')
  assert.ok(first.length >= 43, '256 bits')
  await pass(29 * 60_000)
  const session = door.session(first)
  assert.ok(session)
  await pass(29 * 60_000)
  assert.ok(door.session(first), 'it was used')
  assert.equal(door.session(second), undefined)
  const third = await door.login(password, 'c')
  await door.changePassword(password, 'another good password', session, 'a')
  assert.ok(door.session(first))
  assert.equal(door.session(third), undefined)
  await door.leave((one) => one.hash === session.hash)
  assert.equal(door.session(first), undefined)
})

test('session expiry (CWE-613): a session that has ended does not live again after a restart', async () => {
  const { door, disk, pass } = await hall()
  const id = await door.claim(door.claimCode, password, 'a')
  await pass(31 * 60_000)
  assert.equal(door.session(id), undefined)
  await pass(0)
  const kept = Buffer.from(disk.durable('data/device.json') ?? []).toString()
  assert.deepEqual(JSON.parse(kept).access.sessions, [], 'it is gone from the disk, too')
  assert.equal((await hall(disk)).door.session(id), undefined)
})

test('session expiry (CWE-613): one that nobody looked at has ended all the same, in this boot and in the next', async () => {
  const hour = 3_600_000
  for (const boot of ['boot-1', 'boot-2']) {
    const { door, disk } = await hall()
    const id = await door.claim(door.claimCode, password, 'a')
    assert.ok((await hall(disk, { boot, later: 60_000 })).door.session(id), 'a minute later it lasts')
    const again = await hall(disk, { boot: 'boot-2', later: hour })
    assert.equal(again.door.session(id), undefined, 'an hour later it does not')
  }
  const { door, disk, pass } = await hall()
  const id = await door.claim(door.claimCode, password, 'a')
  const behind = await hall(disk, { boot: 'boot-2', later: -hour })
  await behind.pass(31 * 60_000)
  assert.equal(behind.door.session(id), undefined, 'a clock that stood still while the power was off gives it half an hour')
  await pass(0)
})

test('session expiry (CWE-613): a session of an older file is as old as its beginning', async () => {
  const { door, disk } = await hall()
  const id = await door.claim(door.claimCode, password, 'a')
  const device = JSON.parse(Buffer.from(await disk.read('data/device.json')).toString())
  delete device.access.sessions[0].used
  await disk.write('data/device.json', Buffer.from(JSON.stringify(device)))
  assert.ok((await hall(disk, { later: 60_000 })).door.session(id))
  assert.equal((await hall(disk, { later: 3_600_000 })).door.session(id), undefined)
})

test('a session that is used outlives a restart an hour after its beginning, and its use costs few writes', async () => {
  const { door, disk, pass } = await hall()
  const id = await door.claim(door.claimCode, password, 'a')
  const before = disk.syncs
  for (let second = 0; second < 3600; second++) {
    assert.ok(door.session(id))
    await pass(1000)
  }
  // One of the file, one of its predecessor.
  const writes = (disk.syncs - before) / 2
  assert.ok(writes >= 5 && writes <= 6, `${writes} writes in an hour`)
  assert.ok((await hall(disk, { boot: 'boot-2', later: 3_600_000 })).door.session(id))
})

test('session expiry (CWE-613): of more than sixteen sessions the oldest ends, and whoever listens hears of it', async () => {
  const { door } = await hall()
  const left: string[] = []
  door.onLeave((hash) => left.push(hash))
  const first = await door.claim(door.claimCode, password, 'a')
  const hash = door.session(first)?.hash
  for (let i = 0; i < 16; i++) await door.login(password, 'a')
  assert.equal(door.session(first), undefined)
  assert.deepEqual(left, [hash])
  assert.equal(door.sessions.length, 16)
})

test('a disk that takes nothing keeps nobody out: a session lives in memory, ends at logout, and is kept when the disk takes it again', async () => {
  const { door, disk } = await hall()
  await door.claim(door.claimCode, password, 'a')
  const write = disk.write.bind(disk)
  disk.write = async (path) => {
    throw new DiskError(`cannot write ${path}`, 'EROFS')
  }
  const [one, two] = [await door.login(password, 'a'), await door.login(password, 'b')]
  const session = door.session(one)
  assert.ok(session && door.session(two))
  await assert.rejects(
    door.leave(({ hash }) => hash === session.hash),
    DiskError,
  )
  assert.equal(door.session(one), undefined)
  await assert.rejects(door.changePassword(password, 'another good password', door.session(two) ?? assert.fail(), 'b'), DiskError)
  disk.write = write
  assert.equal(await statusOf(door.login(password, 'c')), 200, 'what could not be kept has not changed')
  const again = await hall(disk)
  assert.ok(again.door.session(two))
  assert.equal(again.door.session(one), undefined)
})

test('password storage (CWE-916): a session outlives a restart, and neither password, session nor token can be read from the file', async () => {
  const { door, disk } = await hall()
  const id = await door.claim(door.claimCode, password, 'a')
  const { token } = await door.addToken('scada', 'alerts')
  const again = await hall(disk)
  assert.ok(again.door.session(id))
  assert.equal(again.door.token(token)?.scope, 'alerts')
  const file = Buffer.from(disk.durable('data/device.json') ?? []).toString()
  for (const secret of [id, token, password]) assert.ok(!file.includes(secret))
})

test('brute force (CWE-307): a slow-down forgets nobody who guesses, whatever his clock does', () => {
  const timeline = new Timeline()
  const slowdown = new Slowdown(new SimClock(timeline, 'boot'), 0)
  for (let i = 0; i < 3; i++) slowdown.failed('a')
  assert.equal(slowdown.waitMs('a'), 1000)
  slowdown.failed('a')
  assert.equal(slowdown.waitMs('a'), 2000)
  for (let i = 0; i < 100; i++) slowdown.failed('a')
  assert.equal(slowdown.waitMs('a'), 60_000)
  assert.equal(slowdown.waitMs('b'), 60_000, 'ten wrong guesses a minute are shared by all who were never right')
  slowdown.passed('b')
  assert.equal(slowdown.waitMs('b'), 0)
})

test('brute force (CWE-307): one who guesses without end keeps nobody else out', async () => {
  const timeline = new Timeline()
  const slowdown = new Slowdown(new SimClock(timeline, 'boot'), 0)
  let kept = 0
  for (let second = 0; second < 600; second++) {
    if (slowdown.waitMs('guesser') === 0) slowdown.failed('guesser')
    if (slowdown.waitMs('owner') > 0) kept++
    await timeline.run(timeline.now + 1000)
  }
  assert.equal(kept, 0)
})

test('race at the claim (CWE-362): of two who claim with the right code at once, one is the owner', async () => {
  const { door } = await hall()
  const statuses = await Promise.all([
    statusOf(door.claim(door.claimCode, password, 'a')),
    statusOf(door.claim(door.claimCode, 'another password', 'b')),
  ])
  assert.deepEqual(statuses, [200, 409])
  assert.equal(await statusOf(door.login(password, 'a')), 200)
})
