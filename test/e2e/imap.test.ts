import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { listens } from '../peers/mosquitto.ts'
import { Outpost } from '../peers/outpost.ts'
import { freePort, missing, run, runBeside, start, stop, until } from '../peers/process.ts'

/** A real Dovecot over the Maildir of the box, by the configuration that the box prints. */
const skip = missing('dovecot', 'python3', 'setpriv') || (process.getuid?.() === 0 ? false : 'Dovecot needs root')
const dir = mkdtempSync(`${tmpdir()}/outpost-imap-`)
const program = new URL('../../bin/outpost', import.meta.url).pathname
/** Dovecot reads for nobody with UID 0, so the gateway runs as the user whose mail it is. */
const asMail = {
  inside: (command: string, args: string[]): [string, string[]] => [
    'setpriv',
    ['--reuid', 'mail', '--regid', 'mail', '--clear-groups', command, ...args],
  ],
}
let outpost: Outpost
let dovecot: ChildProcess | undefined
let port = 0

before(async () => {
  if (skip) return
  chmodSync(dir, 0o755)
  port = await freePort()
  const web = await freePort()
  outpost = new Outpost(
    `${dir}/data`,
    {
      site: { domain: 'ps7.example.net' },
      broker: { enabled: false },
      web: { listen: `127.0.0.1:${web}` },
      mailbox: { users: [{ name: 'operator', password: { secret: 'mailbox:operator' } }] },
    },
    { 'mailbox:operator': 'read my mail' },
    asMail,
  )
  run('chown', ['-R', 'mail:mail', outpost.data])
  outpost.begin()
  await until('the gateway runs', 20_000, () => outpost.log.includes('gateway: ready'))
  const config = outpost.command('mailbox', 'dovecot-config', '--owner', 'mail', '--listen', `127.0.0.1:${port}`)
  assert.ok(!config.includes('read my mail'))
  writeFileSync(`${dir}/outpost.conf`, config, { mode: 0o600 })
  writeFileSync(
    `${dir}/dovecot.conf`,
    `base_dir = ${dir}/run\nlog_path = ${dir}/dovecot.log\n!include ${dir}/outpost.conf\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n`,
  )
  dovecot = start('dovecot', ['-F', '-c', `${dir}/dovecot.conf`])
  await until('Dovecot listens', 15_000, () => listens(port))
})

after(async () => {
  await stop(dovecot)
  await outpost?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const python = `
import imaplib, json, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2]); context.check_hostname = False
box = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
box.starttls(context)
try:
    box.login("operator", "wrong")
    wrong = True
except imaplib.IMAP4.error:
    wrong = False
box.login("operator", "read my mail")
count = int(box.select("INBOX")[1][0])
heads = [box.fetch(str(i), "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1].decode() for i in range(1, count + 1)]
unseen = box.search(None, "UNSEEN")[1][0].decode().split()
text = box.fetch("1", "(BODY[TEXT])")[1][0][1].decode() if count else ""
seen = box.search(None, "SEEN")[1][0].decode().split()
print(json.dumps({"wrong": wrong, "count": count, "heads": heads, "unseen": unseen, "seen": seen, "text": text}))
box.logout()
`
type Seen = { wrong: boolean; count: number; heads: string[]; unseen: string[]; seen: string[]; text: string }
const look = async (): Promise<Seen> => JSON.parse(await runBeside('python3', ['-c', python, String(port), `${outpost.data}/web/cert.pem`]))

test('alerts are read over IMAP while the gateway delivers more, and both agree on what is new', { skip, timeout: 60_000 }, async () => {
  for (const text of ['Door open', 'Level low']) await runBeside(program, ['send', '--to', 'operator', '--data', outpost.data], text)
  await until('they are there', 20_000, () => outpost.command('mailbox', 'export').split('From MAILER-DAEMON').length === 3)
  const first = await look()
  assert.equal(first.wrong, false)
  assert.equal(first.count, 2)
  assert.match(first.heads[0] ?? '', /^Subject: .*Door open/)
  assert.deepEqual(first.unseen, ['1', '2'], 'looking at headers reads nothing')
  assert.deepEqual(first.seen, ['1'])
  assert.match(first.text, /Door open/)
  await runBeside(program, ['send', '--to', 'operator', '--data', outpost.data], 'Pump 3 stopped')
  await until('the third is there', 20_000, async () => (await look()).count === 3)
  const mails = outpost
    .command('mailbox', 'list', '--json')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { subject: string; unread: boolean })
  assert.equal(mails.length, 3)
  assert.equal(mails.find(({ subject }) => subject.includes('Door open'))?.unread, false, 'the box sees that it was read')
})
