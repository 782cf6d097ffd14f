import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { Outpost } from '../peers/outpost.ts'
import { freePort, missing, runBeside, until } from '../peers/process.ts'

/** Mails that are megabytes of nothing but lines, for the mailbox of the box: from a real client to a real reader. */
const skip = missing('python3')
const dir = mkdtempSync(`${tmpdir()}/outpost-large-mail-`)
let outpost: Outpost
let smtp = 0
let pop3 = 0

before(async () => {
  if (skip) return
  smtp = await freePort()
  pop3 = await freePort()
  const web = await freePort()
  outpost = new Outpost(
    `${dir}/data`,
    {
      site: { domain: 'ps7.example.net' },
      broker: { enabled: false },
      web: { listen: `127.0.0.1:${web}` },
      people: [{ id: 'operator', name: 'Operator', address: 'operator@ps7.example.net' }],
      sources: [{ id: 'lan', kind: 'smtp', as: 'letter', listen: `127.0.0.1:${smtp}`, allow: ['127.0.0.0/8'], maxBytes: 15_000_000 }],
      mailbox: {
        users: [{ name: 'operator', password: { secret: 'mailbox:operator' } }],
        pop3: { enabled: true, listen: `127.0.0.1:${pop3}` },
      },
    },
    { 'mailbox:operator': 'read my mail' },
  )
  outpost.begin()
  await until('it listens', 20_000, () => outpost.log.includes('pop3: listening') && outpost.log.split('smtp: listening').length > 1)
})

after(async () => {
  await outpost?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const client = `
import smtplib, sys
head = b"From: nas@lan\\r\\nSubject: " + sys.argv[2].encode() + b"\\r\\n\\r\\n"
piece = sys.argv[3].encode().decode("unicode_escape").encode()
with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as s:
    s.ehlo(); s.mail("nas@lan"); s.rcpt("operator@ps7.example.net")
    code, words = s.data(head + piece * (int(sys.argv[4]) // len(piece)))
    assert code == 250, words
`
const reader = `
import poplib, sys
poplib._MAXLINE = 1 << 20
box = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=60)
box.user("operator"); box.pass_("read my mail")
for line in box.list()[1]:
    number, octets = line.split()
    got = sum(len(l) + 2 for l in box.retr(int(number))[1])
    assert got == int(octets), (got, octets)
    print(got)
box.quit()
`

for (const [subject, piece, size] of [
  ['line ends', String.raw`\r\n`, 9_900_000],
  ['dots', String.raw`.\r\n`, 3_000_000],
] as const)
  test(`resource exhaustion (CWE-400): ${size / 1e6} MB of ${subject} for the mailbox end no gateway, and are read there`, {
    skip,
    timeout: 300_000,
  }, async () => {
    await runBeside('python3', ['-c', client, String(smtp), subject, piece, String(size)], '', 240_000)
    await until('it is delivered', 30_000, () => outpost.command('mailbox', 'list').includes(subject))
    assert.equal(outpost.fault, undefined)
    const sizes = (await runBeside('python3', ['-c', reader, String(pop3)], '', 120_000)).trim().split('\n')
    assert.ok(sizes.every((octets) => Number(octets) > 2_999_000))
    assert.equal(outpost.fault, undefined)
  })
