import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deliver, exportMbox, listMail, showMail, userOf } from '../../src/mailbox/maildir.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'

const mail = (subject: string) => Buffer.from(`From: a@b\r\nSubject: ${subject}\r\nDate: x\r\n\r\nFrom here\r\nbye\r\n`)

test('a mail is delivered once under its name, also when it was read since', async () => {
  const disk = new SimDisk()
  await deliver(disk, 'mailbox', 'operator', '10.O1.aa', mail('one'))
  await deliver(disk, 'mailbox', 'operator', '10.O1.aa', mail('twin'))
  assert.deepEqual(
    (await listMail(disk, 'mailbox')).map((one) => [one.subject, one.unread]),
    [['one', true]],
  )
  await disk.rename('mailbox/operator/new/10.O1.aa', 'mailbox/operator/cur/10.O1.aa:2,S')
  await deliver(disk, 'mailbox', 'operator', '10.O1.aa', mail('twin'))
  assert.equal((await listMail(disk, 'mailbox')).length, 1)
})

test('a mail is known by its ID, in whatever second it comes again', async () => {
  const disk = new SimDisk()
  await deliver(disk, 'mailbox', 'operator', '10.O1.aa', mail('one'))
  await deliver(disk, 'mailbox', 'operator', '99.O1.aa', mail('twin'))
  await disk.rename('mailbox/operator/new/10.O1.aa', 'mailbox/operator/cur/10.O1.aa:2,S')
  await deliver(disk, 'mailbox', 'operator', '100.O1.aa', mail('twin'))
  assert.deepEqual(
    (await listMail(disk, 'mailbox')).map((one) => one.subject),
    ['one'],
  )
  await deliver(disk, 'mailbox', 'operator', '10.O11.aa', mail('another'))
  assert.equal((await listMail(disk, 'mailbox')).length, 2)
})

test('a mail that bears the ID of an older one is another, when the journal was lost and its numbers begin anew', async () => {
  const disk = new SimDisk()
  await deliver(disk, 'mailbox', 'operator', '10.O1.aa', mail('before'))
  await deliver(disk, 'mailbox', 'operator', '99.O1.aa', Buffer.from('From: a@b\r\nSubject: FIRE\r\nDate: y\r\n\r\nnow\r\n'))
  assert.deepEqual(
    (await listMail(disk, 'mailbox')).map((one) => one.subject),
    ['FIRE', 'before'],
  )
})

test('a delivered mail survives a power cut whole', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const disk = new SimDisk()
    await deliver(disk, 'mailbox', 'operator', '10.O1.aa', mail('one'))
    const after = disk.powerCut(new SimRandom(seed))
    assert.equal(
      Buffer.from((await showMail(after, 'mailbox', 'operator/10.O1.aa')) ?? []).toString(),
      mail('one').toString().replaceAll('\r\n', '\n'),
    )
  }
})

test('a delivery whose name was not synced is not taken for one that was', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const disk = new SimDisk()
    disk.faults.failSync = 2
    await assert.rejects(deliver(disk, 'mailbox', 'operator', '10.O1.aa', mail('one')))
    await deliver(disk, 'mailbox', 'operator', '10.O1.aa', mail('one'))
    assert.ok(await showMail(disk.powerCut(new SimRandom(seed)), 'mailbox', 'operator/10.O1.aa'), `seed ${seed}`)
  }
})

test('newest first; encoded words are words; an mbox quotes what looks like its own lines', async () => {
  const disk = new SimDisk()
  await deliver(disk, 'mailbox', 'operator', '10.O1.aa', mail('old'))
  await deliver(disk, 'mailbox', 'operator', '20.O2.aa', mail('=?UTF-8?Q?T=C3=BCr?='))
  assert.deepEqual(
    (await listMail(disk, 'mailbox')).map((one) => one.subject),
    ['Tür', 'old'],
  )
  for (const number of [9, 10, 100]) await deliver(disk, 'mailbox', 'operator', `30.O${number}.aa`, mail(String(number)))
  assert.deepEqual(
    (await listMail(disk, 'mailbox')).map((one) => one.subject),
    ['100', '10', '9', 'Tür', 'old'],
    'of one second, too',
  )
  let mbox = ''
  for await (const piece of exportMbox(disk, 'mailbox')) mbox += Buffer.from(piece).toString()
  assert.match(mbox, /^>From here$/m)
})

test('path traversal (CWE-22): no id reaches beyond the mailbox, and no address names another directory', async () => {
  const disk = new SimDisk()
  await disk.makeDir('mailbox')
  await disk.write('secrets.json', Buffer.from('secret'))
  for (const id of ['../secrets.json', 'operator/../../secrets.json', '/etc/passwd', 'a/b/c', ''])
    assert.equal(await showMail(disk, 'mailbox', id), undefined)
  assert.equal(userOf('../../x@site'), 'postmaster')
  assert.equal(userOf('Operator@site'), 'operator')
})

test('mail on a disk that is read-only is listed, and one that cannot be opened now is not hidden', async () => {
  const disk = new SimDisk()
  await deliver(disk, 'mailbox', 'ops', '100.O1.dev', Buffer.from('Subject: Read me\r\n\r\nx\r\n'))
  disk.faults.readOnly = true
  assert.deepEqual(
    (await listMail(disk, 'mailbox')).map(({ subject }) => subject),
    ['Read me'],
  )
  disk.faults.failOpen = 1
  const [mail] = await listMail(disk, 'mailbox')
  assert.equal(mail?.id, 'ops/100.O1.dev')
  assert.match(mail?.subject ?? '', /^It cannot be read now: .*cannot be opened/)
})
