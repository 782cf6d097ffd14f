import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Outpost } from '../peers/outpost.ts'
import { runBeside, sleep, until } from '../peers/process.ts'
import { Station, stationSecrets } from '../peers/station.ts'

/** People answer by mail, through a real Postfix into a real Dovecot, where the box looks for it. */
const skip = Station.missing()
let station: Station
let outpost: Outpost

before(async () => {
  if (skip) return
  station = await Station.open()
  outpost = new Outpost(
    `${station.dir}/data`,
    {
      ...station.settings([]),
      rules: [{ id: 'pumps', when: { key: 'pump-*', field: 'value > 80' }, clearBelow: 75, to: ['ops'], repeat: ['4s'] }],
      answers: {
        host: '127.0.0.1',
        port: station.mail.ports.pop3,
        security: 'none',
        user: 'ps7@example.org',
        password: { secret: 'relay:isp' },
        every: '1s',
      },
    },
    stationSecrets,
  )
  outpost.begin()
  await until('the broker is reached', 20_000, () => outpost.log.includes('mqtt: up'))
})

after(async () => {
  if (skip) return
  await outpost?.stop()
  await station?.close()
})

/** A mail to the box, handed to its relay by somebody who may. */
const python = `
import smtplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
with smtplib.SMTP("localhost", int(sys.argv[1])) as s:
    s.starttls(context=context)
    s.login("ps7@example.org", "smtp-secret")
    s.sendmail(sys.argv[3], ["ps7@example.org"], sys.stdin.buffer.read())
`
const write = (from: string, subject: string, id: string, body: string, more = '') =>
  runBeside(
    'python3',
    ['-c', python, String(station.mail.ports.submission), station.ca, 'ops@example.org'],
    `From: ${from}\r\nTo: ps7@example.org\r\nSubject: ${subject}\r\nMessage-ID: <${id}@example.org>\r\n${more}\r\n${body}\r\n`,
  )

const say = (alert: object) => assert.ok(station.mosquitto.publish('alerts/plc', JSON.stringify(alert), 1))
const letters = async (pattern: RegExp): Promise<string[]> => (await station.letters()).filter((mail) => pattern.test(mail))
const subjectOf = (mail: string): string => /^Subject: (.*(?:\r?\n[ \t].*)*)/m.exec(mail)?.[1]?.replace(/\r?\n[ \t]+/g, ' ') ?? ''

test('an answer acknowledges; one that is forged, automatic or comes again does not', { skip, timeout: 120_000 }, async () => {
  say({ key: 'pump-3', text: 'Pump 3 hot', value: 81 })
  await until('it is told', 30_000, async () => (await letters(/^Subject: .*Pump 3 hot/m)).length >= 1)
  const [letter = ''] = await letters(/^Subject: .*Pump 3 hot/m)
  const subject = subjectOf(letter)
  assert.match(subject, /\[#o\d+-[a-z2-7]{8}\]$/)
  const wrong = subject.replace(/-[a-z2-7]{8}\]/, '-aaaaaaaa]')
  await write('Ops <ops@example.org>', `Re: ${wrong}`, 'forged', 'ACK')
  await write('Stranger <stranger@example.com>', `Re: ${subject}`, 'stranger', 'ACK')
  await write('Ops <ops@example.org>', `Out of office: ${subject}`, 'vacation', 'ACK', 'Auto-Submitted: auto-replied\r\n')
  await until(
    'all three were looked at',
    30_000,
    () => outpost.log.split('answers: refused').length >= 3 && outpost.log.includes('an automatic answer is passed over'),
  )
  assert.doesNotMatch(outpost.command('alerts'), /acknowledged/)
  await write('Ops <OPS@example.org>', `Re: ${subject}`, 'real', 'ack\r\n\r\n> Pump 3 hot')
  await until('it is acknowledged', 30_000, () => /acknowledged by Ops/.test(outpost.command('alerts')))
  const reminders = (await letters(/Still active/)).length
  await sleep(6000)
  assert.ok((await letters(/Still active/)).length <= reminders + 1, 'no more reminders')
  say({ key: 'pump-3', text: 'Pump 3 cool', value: 70 })
  await until('it is over', 30_000, () => /Nothing is raised/.test(outpost.command('alerts')))
  say({ key: 'pump-3', text: 'Pump 3 hot again', value: 90 })
  await until('it is raised again', 30_000, () => /Pump 3 hot again/.test(outpost.command('alerts')))
  await write('Ops <ops@example.org>', `Re: ${subject}`, 'real', 'ack')
  await until('it came again', 30_000, () => outpost.log.includes('an answer came again'))
  assert.doesNotMatch(outpost.command('alerts'), /acknowledged/)
})

test('somebody who asks is told how things stand, and silence is kept for as long as he says', { skip, timeout: 60_000 }, async () => {
  const [letter = ''] = await letters(/^Subject: .*Pump 3 hot again/m)
  await write('Ops <ops@example.org>', `Re: ${subjectOf(letter)}`, 'status', 'STATUS')
  await until('the state is told', 30_000, async () => (await letters(/The box is alive/)).length === 1)
  const [state = ''] = await letters(/The box is alive/)
  assert.match(state, /warning: Pump 3 hot again/)
  await write('Ops <ops@example.org>', `Re: ${subjectOf(letter)}`, 'silence', 'SILENCE 30m')
  await until('it is silenced', 30_000, () => /silence \S+: .*pump-3.*by Ops/.test(outpost.command('alerts')))
})

test('a letter that is refused further on is a notice in the mailbox, with the sentence of that server', {
  skip,
  timeout: 60_000,
}, async () => {
  const messageId = /^Message-ID: (<.*>)/m.exec((await letters(/Pump 3 hot again/))[0] ?? '')?.[1] ?? ''
  const report = `This is a report.\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; ops@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 nobody of that name\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: ${messageId}\r\n--b--`
  await write(
    'MAILER-DAEMON@mx.example.org',
    'Undelivered Mail Returned to Sender',
    'report',
    report,
    'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n',
  )
  await until('the notice is there', 30_000, () => /nobody of that name/.test(outpost.command('mailbox', 'export')))
  assert.match(outpost.command('mailbox', 'list'), /Refused/)
  await outpost.kill()
  const looked = outpost.log.length
  outpost.begin()
  await until('the gateway runs again', 20_000, () => outpost.log.slice(looked).includes('gateway: ready'))
  await sleep(3000)
  assert.equal(outpost.command('mailbox', 'export').split('nobody of that name').length, 2, 'once, also after kill -9')
  assert.doesNotMatch(outpost.log, /smtp-secret/)
})
