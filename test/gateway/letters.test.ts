import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

/** Mails that are passed on as they are, through the whole gateway. */
const lan = { id: 'lan', kind: 'smtp', as: 'letter', listen: '0.0.0.0:2525', allow: ['192.0.2.0/24'] }
const settings = {
  sources: [lan],
  people: [
    { id: 'ops', name: 'Ops', address: 'ops@example.org' },
    { id: 'operator', name: 'Operator', address: 'operator@site.example.org' },
  ],
}
const mailOf = (subject: string, octets = 200) =>
  `From: NAS <nas@lan>\r\nTo: ops@example.org\r\nSubject: ${subject}\r\nDate: Tue, 1 Dec 2026 01:00:00 +0000\r\nMessage-ID: <${subject}@nas>\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(octets / 72)}`

async function boxWith(seed = 1, more: Record<string, unknown> = {}): Promise<Box> {
  const box = new Box(seed, { ...settings, ...more })
  box.relay.size = 1_000_000
  await box.boot()
  await box.pass(1000)
  return box
}
const hand = (box: Box, mail: string, to = ['ops@example.org']) => box.settled(box.mailIn.hand(mail, to))
const spooled = async (box: Box): Promise<string[]> => (await box.disk.list('data/spool')).filter(Boolean)

test('a letter reaches whom it names, octet for octet, and leaves no file behind', async () => {
  const box = await boxWith()
  const mail = mailOf('backup report', 300_000)
  assert.match((await hand(box, mail)).text, /^2\.0\.0 taken as lan #1/)
  await box.pass(60_000)
  const [taken] = box.relay.taken
  assert.ok(taken)
  assert.ok(taken.content.endsWith(mail))
  assert.match(taken.content, /^Received: from \[192\.0\.2\.9\] by site\.example\.org \(Outpost sim\) with ESMTP id\r\n o1\./)
  assert.deepEqual(taken.to, ['ops@example.org'])
  await box.pass(5000)
  assert.deepEqual(await spooled(box), [])
  assert.equal((await hand(box, mail, ['victim@evil.example'])).code, 550)
})

test('a letter for the site stays here with its Return-Path, whether or not there is a link', async () => {
  const box = await boxWith()
  box.away()
  await hand(box, mailOf('for here'), ['operator@site.example.org', 'postmaster'])
  await box.pass(5000)
  const [name] = await box.disk.list('data/mailbox/operator/new')
  const text = Buffer.from(await box.disk.read(`data/mailbox/operator/new/${name}`)).toString()
  assert.match(text, /^Return-Path: <nas@lan>\nReceived: from \[192\.0\.2\.9\]/)
  assert.equal(box.waiting, 0)
  await box.pass(5000)
  assert.deepEqual(await spooled(box), [])
})

test('a letter for a mailbox that nobody has is refused; the postmaster of the site has one', async () => {
  const box = await boxWith(1, { mailbox: { users: [{ name: 'night' }] } })
  for (const [to, code] of [
    ['opperator@site.example.org', 550],
    ['Night@Site.example.org', 250],
    ['Postmaster@site.example.org', 250],
    ['operator@site.example.org', 250],
  ] as const)
    assert.equal((await hand(box, mailOf(to), [to])).code, code, to)
  await box.pass(5000)
  assert.deepEqual((await box.disk.list('data/mailbox')).sort(), ['night', 'operator'])
  assert.equal((await box.disk.list('data/mailbox/night/new')).length, 2)
  const alerts = await boxWith(1, { sources: [{ ...lan, as: 'alert' }] })
  assert.equal((await hand(alerts, mailOf('door'), ['alarms@site.example.org'])).code, 250, 'an alert goes where the rules say')
})

test('letters wait for the link one by one, beside alerts that become a digest', async () => {
  const box = await boxWith()
  box.away()
  for (let i = 1; i <= 6; i++) {
    await hand(box, mailOf(`letter ${i}`))
    await box.send(`alert ${i}`)
  }
  await box.pass(30 * 60_000)
  box.back()
  await box.pass(120_000)
  assert.equal(box.waiting, 0)
  const letters = box.relay.taken.filter(({ content }) => content.includes('\r\nSubject: letter '))
  assert.deepEqual(
    letters.map(({ content }) => /Subject: (letter \d)/.exec(content)?.[1]),
    [1, 2, 3, 4, 5, 6].map((i) => `letter ${i}`),
  )
  for (const { content } of letters) assert.ok(!content.includes('Waited'), 'what somebody wrote is not added to')
  assert.equal(box.relay.taken.length, 7, 'six letters and one digest')
})

test('after 250 no power cut loses a letter or changes an octet of it, and none leaves a file for ever', async () => {
  let cuts = 0
  for (let seed = 1; seed <= 40; seed++) {
    const box = await boxWith(seed)
    const acknowledged: string[] = []
    for (let i = 0; i < 4; i++) {
      const mail = mailOf(`s${seed}n${i}`, 72 * (1 + box.random.below(3000)))
      const handing = box.mailIn.hand(mail, ['ops@example.org']).then((reply) => {
        if (reply.code === 250) acknowledged.push(mail)
      })
      handing.catch(() => {})
      await box.timeline.run(box.timeline.now + box.random.below(400))
      if (box.random.below(2) === 0) {
        await box.powerCut()
        await box.pass(2000)
        cuts++
      }
    }
    await box.pass(10 * 60_000)
    assert.equal(box.waiting, 0)
    for (const mail of acknowledged)
      assert.ok(
        box.relay.taken.some(({ content }) => content.endsWith(mail)),
        `seed ${seed}`,
      )
    const copies = Map.groupBy(box.relay.taken, ({ messageId }) => messageId)
    for (const [id, twins] of copies) assert.equal(new Set(twins.map(({ content }) => content)).size, 1, `seed ${seed}: ${id}`)
    await box.powerCut()
    await box.pass(60_000)
    assert.deepEqual(await spooled(box), [], `seed ${seed}`)
  }
  assert.ok(cuts > 30)
})

test('a letter that is refused lies whole beside its notice', async () => {
  const box = await boxWith()
  box.relay.faults.never = 1
  const mail = mailOf('refused', 100_000)
  await hand(box, mail)
  await box.pass(60_000)
  const names = await box.disk.list('data/mailbox/operator/new')
  const texts = await Promise.all(
    names.map(async (name) => Buffer.from(await box.disk.read(`data/mailbox/operator/new/${name}`)).toString()),
  )
  assert.ok(texts.some((text) => /^Subject: Refused: refused$/m.test(text)))
  assert.ok(texts.some((text) => text.startsWith('Return-Path: <nas@lan>') && text.endsWith(mail.replaceAll('\r\n', '\n'))))
  assert.equal(box.waiting, 0)
})

test('a client that did not hear the 250 and comes again is told the same, and nobody gets it twice', async () => {
  const box = await boxWith()
  await hand(box, mailOf('once'))
  assert.match((await hand(box, mailOf('once'))).text, /taken before/)
  const undated = 'From: old@lan\r\nSubject: Alarm\r\nMessage-ID: <always@old>\r\n\r\nAlarm\r\n'
  await hand(box, undated)
  await hand(box, undated)
  await box.pass(60_000)
  assert.equal(box.relay.taken.length, 3, 'a device that always writes the same means two alarms')
  await box.pass(5000)
  assert.deepEqual(await spooled(box), [])
})

test('a full spool is a clear 452, and the journal does not mind', async () => {
  const box = await boxWith(1, { queue: { spoolMiB: 1 } })
  box.away()
  const large = mailOf('large', 72 * 10_000)
  assert.equal((await hand(box, large)).code, 250)
  const full = await hand(box, mailOf('larger', 72 * 10_000))
  assert.equal(full.code, 452)
  assert.match(full.text, /the spool is full/)
  await box.send('still heard')
  assert.equal(box.waiting, 2)
})

test('a relay that takes no octets above 127 is not given any', async () => {
  const box = await boxWith()
  const mail = mailOf('8bit').replace('xxxx', 'B\xfcro')
  assert.equal((await box.settled(box.mailIn.hand(Buffer.from(mail, 'latin1'), ['ops@example.org']))).code, 250)
  await box.pass(60_000)
  assert.equal(box.relay.taken.length, 0)
  assert.ok(box.log.some(({ facts }) => /8BITMIME/.test(String(facts.why))))
})

test('a letter for the site and for somebody away is whole for both, through a power cut between them', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const box = await boxWith(seed)
    box.away()
    const mail = mailOf(`both ${seed}`, 50_000)
    assert.equal((await hand(box, mail, ['operator@site.example.org', 'ops@example.org'])).code, 250)
    await box.timeline.run(box.timeline.now + box.random.below(3000))
    await box.powerCut()
    box.back()
    await box.pass(120_000)
    assert.equal(box.waiting, 0)
    assert.ok(
      box.relay.taken.some(({ content }) => content.endsWith(mail)),
      `seed ${seed}`,
    )
    const names = await box.disk.list('data/mailbox/operator/new')
    const texts = await Promise.all(
      names.map(async (name) => Buffer.from(await box.disk.read(`data/mailbox/operator/new/${name}`)).toString()),
    )
    assert.equal(texts.filter((text) => text.endsWith(mail.replaceAll('\r\n', '\n'))).length, 1, `seed ${seed}`)
    await box.pass(5000)
    assert.deepEqual(await spooled(box), [])
  }
})

test('a letter that gets too old lies whole in the mailbox, and one that is dropped by hand is gone', async () => {
  const box = await boxWith(1, { delivery: { keep: '1h' } })
  box.away()
  const mail = mailOf('too old', 30_000)
  await hand(box, mail)
  await box.pass(2 * 3_600_000)
  const names = await box.disk.list('data/mailbox/operator/new')
  const texts = await Promise.all(
    names.map(async (name) => Buffer.from(await box.disk.read(`data/mailbox/operator/new/${name}`)).toString()),
  )
  assert.ok(texts.some((text) => text.endsWith(mail.replaceAll('\r\n', '\n'))))
  assert.ok(texts.some((text) => text.includes('Subject: Not delivered in time')))
  await hand(box, mailOf('unwanted'))
  await box.pass(1000)
  const { letters } = await box.settled(box.gateway.desk.list())
  assert.equal(letters.length, 1)
  const shown = await box.settled(box.gateway.desk.show(letters[0]?.id ?? 0))
  assert.match(shown?.mail ?? '', /^Received: from \[192\.0\.2\.9\]/)
  assert.ok(await box.gateway.desk.drop(letters[0]?.id ?? 0, 'a test'))
  await box.pass(5000)
  assert.deepEqual(await spooled(box), [])
})

test('a clock that nobody has set makes no date of 1970, and the letter is the same on every attempt', async () => {
  const box = await boxWith(1)
  box.away()
  box.clock.wrongBy = -56 * 365 * 86_400_000
  box.clock.set = 'no'
  const undated = 'From: old@lan\r\nSubject: Alarm\r\n\r\nAlarm\r\n'
  assert.equal((await hand(box, undated)).code, 250)
  box.relay.faults.diesAfterDot = 1
  box.back()
  await box.pass(60_000)
  box.clock.wrongBy = 0
  box.clock.set = 'yes'
  box.relay.faults.diesAfterDot = 0
  await box.pass(10 * 60_000)
  assert.equal(box.waiting, 0)
  const copies = new Set(box.relay.taken.map(({ content }) => content))
  assert.equal(copies.size, 1)
  for (const content of copies) assert.doesNotMatch(content, /19[67]\d/)
})

test('a mail that cannot be read now waits, whole, until the card is well again; one that is gone is said to be', async () => {
  const box = await boxWith()
  box.away()
  await hand(box, mailOf('once'))
  let times = 1
  box.disk.faults.unreadable = (path) => path.includes('/spool/') && times-- > 0
  box.back()
  await box.pass(60_000)
  assert.equal(box.relay.taken.length, 1, 'what fails once is read again at once')
  box.away()
  await hand(box, mailOf('for hours'))
  box.disk.faults.unreadable = (path) => path.includes('/spool/')
  const tries = box.net.tries.length
  box.back()
  await box.pass(3 * 3_600_000)
  assert.equal(box.waiting, 1)
  assert.equal((await spooled(box)).length, 1)
  assert.ok(box.net.tries.length - tries < 20, `${box.net.tries.length - tries} connections for nothing`)
  box.disk.faults.unreadable = () => false
  await box.pass(2 * 3_600_000)
  assert.equal(box.relay.taken.length, 2)
  assert.equal(box.waiting, 0)
  box.away()
  await hand(box, mailOf('gone'))
  for (const name of await spooled(box)) await box.settled(box.disk.remove(`data/spool/${name}`))
  box.back()
  await box.pass(60_000)
  assert.equal(box.waiting, 0)
  const [notice = ''] = await box.disk.list('data/mailbox/operator/new')
  assert.match(Buffer.from(await box.disk.read(`data/mailbox/operator/new/${notice}`)).toString(), /Destroyed on the card/)
})
