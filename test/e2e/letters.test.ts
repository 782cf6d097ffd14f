import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { Outpost } from '../peers/outpost.ts'
import { freePort, missing, runBeside, until } from '../peers/process.ts'
import { Station, stationSecrets } from '../peers/station.ts'

/** Mails that are passed on as they are, from a real client through the box to Postfix and Dovecot. */
const skip = Station.missing() || missing('python3')
let station: Station
let outpost: Outpost
let port = 0

before(async () => {
  if (skip) return
  station = await Station.open()
  port = await freePort()
  const web = await freePort()
  const lan = { id: 'lan', kind: 'smtp', as: 'letter', listen: `127.0.0.1:${port}`, maxBytes: 15_000_000 }
  const settings = { ...station.settings([lan]), web: { listen: `127.0.0.1:${web}` } }
  outpost = new Outpost(`${station.dir}/data`, settings, stationSecrets)
  outpost.begin()
  await listens(1)
})

after(async () => {
  if (skip) return
  await outpost?.stop()
  await station?.close()
})

const listens = (times: number) => until('it listens', 20_000, () => outpost.log.split('smtp: listening').length > times)
const spooled = (): string[] => readdirSync(`${outpost.data}/spool`)

/** Hands a mail with an attachment of so many random octets over, and prints the digest of the attachment. */
const client = `
import email.policy, hashlib, os, smtplib, sys
from email.message import EmailMessage
mail = EmailMessage()
mail["Subject"] = sys.argv[2]
mail["From"] = "Camera <ps7@example.org>"
mail["To"] = "ops@example.org"
mail["Message-ID"] = "<" + sys.argv[2].replace(" ", "-") + "@cam.lan>"
mail["Date"] = "Sun, 29 Nov 2026 05:00:00 +0000"
mail.set_content("Motion at gate 2.")
octets = os.urandom(int(sys.argv[3]))
mail.add_attachment(octets, maintype="image", subtype="jpeg", filename="gate.jpg")
with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as s:
    s.ehlo(); s.mail("cam@lan"); s.rcpt("ops@example.org")
    code, words = s.data(mail.as_bytes(policy=email.policy.SMTP))
    assert code == 250, words
    print(hashlib.sha256(octets).hexdigest())
`
const hand = async (subject: string, octets: number): Promise<string> => {
  const said = await runBeside('python3', ['-c', client, String(port), subject, String(octets)])
  return said.trim()
}

/** What Python makes of the mail with this subject: sender, text, digest of the attachment. */
async function read(subject: string): Promise<string | undefined> {
  const whole = (await station.mail.read()).find((one) => one.includes(`Subject: ${subject}\r\n`) || one.includes(`Subject: ${subject}\n`))
  if (whole === undefined) return undefined
  writeFileSync(`${station.dir}/read.eml`, whole, 'latin1')
  const program = `
import email, hashlib, sys
from email import policy
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=policy.default)
print(m["From"], m.get_body().get_content().strip(), m["Message-ID"], [hashlib.sha256(a.get_content()).hexdigest() for a in m.iter_attachments()][0])
`
  return (await runBeside('python3', ['-c', program, `${station.dir}/read.eml`])).trim()
}

test('a picture of a camera arrives octet for octet, and nothing stays in the spool', { skip, timeout: 90_000 }, async () => {
  const digest = await hand('gate 2', 2_000_000)
  await until('it has arrived', 60_000, async () => (await read('gate 2')) !== undefined)
  assert.equal(await read('gate 2'), `Camera <ps7@example.org> Motion at gate 2. <gate-2@cam.lan> ${digest}`)
  await until('its file is gone', 10_000, () => spooled().length === 0)
})

test('killed after each 250 while the relay is away, the box brings every letter once', { skip, timeout: 150_000 }, async () => {
  station.mail.stopPostfix()
  const digests: string[] = []
  for (let i = 1; i <= 5; i++) {
    digests.push(await hand(`kill ${i}`, 300_000))
    const times = outpost.log.split('smtp: listening').length
    await outpost.kill()
    outpost.begin()
    await listens(times)
  }
  assert.equal(spooled().length, 5)
  await station.mail.startPostfix()
  outpost.command('queue', 'retry')
  await until('all have arrived', 90_000, async () => {
    const mails = await station.mail.read()
    return [1, 2, 3, 4, 5].every((i) => mails.some((mail) => mail.includes(`Subject: kill ${i}`)))
  })
  for (const [index, digest] of digests.entries()) {
    const subject = `kill ${index + 1}`
    assert.ok((await read(subject))?.endsWith(digest), subject)
    assert.equal((await station.mail.read()).filter((mail) => mail.includes(`Subject: ${subject}`)).length, 1, subject)
  }
  await until('the spool is empty', 10_000, () => spooled().length === 0)
})

test('letters of ten megabytes cost memory for one of them at a time', { skip, timeout: 150_000 }, async () => {
  await hand('warm', 7_000_000)
  await until('it has arrived', 60_000, async () => (await station.mail.read()).some((mail) => mail.includes('Subject: warm')))
  const before = outpost.memory().now
  for (let i = 1; i <= 6; i++) await hand(`large ${i}`, 7_000_000)
  await until('all have arrived', 90_000, async () => {
    const mails = await station.mail.read()
    return [1, 2, 3, 4, 5, 6].every((i) => mails.some((mail) => mail.includes(`Subject: large ${i}`)))
  })
  const { now, peak } = outpost.memory()
  assert.ok(now - before < 40 * 1024 * 1024, `${now - before} octets more`)
  assert.ok(peak < 256 * 1024 * 1024, `${peak} octets at most`)
})
