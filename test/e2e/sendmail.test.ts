import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { Outpost } from '../peers/outpost.ts'
import { freePort, run, until } from '../peers/process.ts'

/** What cron and smartd do: they call sendmail, and do not know who answers to that name. */
const dir = mkdtempSync(`${tmpdir()}/outpost-sendmail-`)
const program = new URL('../../bin/outpost', import.meta.url).pathname
const settings = { broker: { enabled: false }, web: { listen: `127.0.0.1:${await freePort()}` } }
let outpost: Outpost | undefined

after(async () => {
  await outpost?.stop()
  rmSync(dir, { recursive: true, force: true })
})

function sendmail(data: string, args: string[], mail: string): { status: number | null; stderr: string } {
  symlinkSync(program, `${dir}/sendmail`)
  try {
    return spawnSync(`${dir}/sendmail`, args, {
      input: mail,
      encoding: 'utf8',
      timeout: 30_000,
      env: { ...process.env, OUTPOST_DATA: data },
    })
  } finally {
    rmSync(`${dir}/sendmail`)
  }
}

const cron = 'From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> backup\n\nDisk full\n.\nnot this\n'

test('a mail of cron is an alert, whether or not the gateway runs, and exit 0 means that it is on the disk', {
  timeout: 60_000,
}, async () => {
  const data = `${dir}/data`
  mkdirSync(data)
  writeFileSync(`${data}/settings.json`, JSON.stringify(settings))
  assert.equal(sendmail(data, ['-t', 'root'], cron).status, 0)
  assert.match(run(program, ['queue', 'list', '--data', data]), /Cron <root@box> backup/)
  outpost = new Outpost(data, settings)
  outpost.begin()
  await until('the gateway runs', 20_000, () => outpost?.log.includes('gateway: ready') === true)
  assert.equal(sendmail(data, ['-i', '-FCronDaemon', '-oem', 'root'], cron.replace('backup', 'with dots')).status, 0)
  await until(
    'both are in the mailbox',
    20_000,
    () => run(program, ['mailbox', 'export', '--data', data]).split('Subject: Outpost: Warning: Cron').length === 3,
  )
  const mails = run(program, ['mailbox', 'export', '--data', data])
  assert.equal(mails.split('not this').length, 2, 'a dot ends the first alone')
  assert.match(mails, /^X-Outpost-Source: sendmail$/m)
})

test('of a mail of megabytes the beginning is the alert', { timeout: 30_000 }, () => {
  const data = `${dir}/large`
  mkdirSync(data)
  writeFileSync(`${data}/settings.json`, JSON.stringify(settings))
  const mail = `From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> copy\n\n${'one more file\n'.repeat(200_000)}`
  const { status, stderr } = sendmail(data, ['-i', 'root'], mail)
  assert.equal(status, 0, stderr)
  assert.match(run(program, ['queue', 'list', '--data', data]), /Cron <root@box> copy/)
})

test('what cannot be taken now is said by 75, as whoever calls sendmail expects', { timeout: 30_000 }, () => {
  const data = `${dir}/locked`
  mkdirSync(data)
  writeFileSync(`${data}/settings.json`, '{ torn')
  const { status, stderr } = sendmail(data, ['root'], cron)
  assert.equal(status, 75)
  assert.match(stderr, /^Not accepted: .*Mend settings\.json/)
})
