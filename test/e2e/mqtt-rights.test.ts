import assert from 'node:assert/strict'
import { type ChildProcess, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import { listens } from '../peers/mosquitto.ts'
import { Outpost } from '../peers/outpost.ts'
import { freePort, missing, run, start, stop, until } from '../peers/process.ts'

/** A real broker that gives each user the least: the gateway may read the topics of its settings and nothing else. */
const skip = missing('mosquitto', 'mosquitto_pub', 'mosquitto_passwd')
const dir = mkdtempSync(`${tmpdir()}/outpost-rights-`)
let broker: ChildProcess | undefined
let outpost: Outpost
let port = 0

before(async () => {
  if (skip) return
  chmodSync(dir, 0o755)
  port = await freePort()
  for (const [index, user] of ['box', 'panel', 'stranger'].entries())
    run('mosquitto_passwd', [...(index === 0 ? ['-c'] : []), '-b', `${dir}/passwd`, user, 'secret'])
  chmodSync(`${dir}/passwd`, 0o644)
  writeFileSync(`${dir}/acl`, 'user box\ntopic read alerts/#\nuser panel\ntopic write alerts/#\nuser stranger\ntopic write other/#\n')
  writeFileSync(
    `${dir}/mosquitto.conf`,
    `user root\nlistener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${dir}/passwd\nacl_file ${dir}/acl\nlog_dest file ${dir}/log\nlog_type all\n`,
  )
  broker = start('mosquitto', ['-c', `${dir}/mosquitto.conf`])
  await until('mosquitto listens', 10_000, () => listens(port))
  outpost = new Outpost(
    `${dir}/data`,
    {
      broker: { enabled: false },
      web: { listen: `127.0.0.1:${await freePort()}` },
      sources: [
        { id: 'field', kind: 'mqtt', url: `mqtt://127.0.0.1:${port}`, clientId: 'the-box', username: 'box', password: { secret: 'mqtt' } },
      ],
    },
    { mqtt: 'secret' },
  )
  outpost.begin()
  await until('it hears the broker', 20_000, () => outpost.log.includes('mqtt: up'))
})

after(async () => {
  await outpost?.stop()
  await stop(broker)
  rmSync(dir, { recursive: true, force: true })
})

/** What its mails say; a command for each look would cost seconds. */
function mails(): string {
  const dir = `${outpost.data}/mailbox/operator/new`
  return existsSync(dir)
    ? readdirSync(dir)
        .map((name) => readFileSync(`${dir}/${name}`, 'utf8'))
        .join('')
    : ''
}

const publish = (user: string, topic: string, payload: Uint8Array | string) =>
  spawnSync('mosquitto_pub', ['-p', String(port), '-u', user, '-P', 'secret', '-q', '1', '-t', topic, '-s'], {
    input: payload,
    timeout: 10_000,
  })

test('excessive rights (CWE-250): the right to read its topics is all that a broker must give; the one thing that is said besides may be denied', {
  skip,
  timeout: 60_000,
}, async () => {
  publish('panel', 'alerts/door', 'Door open')
  await until('it is told', 10_000, () => mails().includes('Door open'))
  const log = readFileSync(`${dir}/log`, 'utf8')
  const said = [...log.matchAll(/^\d+: (Received|Denied) PUBLISH from the-box \([^']*'([^'\n]*)'/gm)].map(
    ([, how, topic]) => `${how} ${topic}`,
  )
  assert.deepEqual([...new Set(said)], ['Denied outpost/the-box/status'])
  const filters = [...log.matchAll(/^\d+: the-box \d (\S+)$/gm)].map(([, filter]) => filter)
  assert.deepEqual([...new Set(filters)], ['alerts/#'])
})

test('forged alerts (CWE-285): who has no right to the topics of the gateway is not heard by it', { skip, timeout: 60_000 }, async () => {
  publish('stranger', 'alerts/door', 'forged alert')
  publish('stranger', 'other/alerts/door', 'forged alert')
  publish('panel', 'alerts/next', 'next alert')
  await until('the next is told', 10_000, () => mails().includes('next alert'))
  assert.doesNotMatch(mails(), /forged alert/)
})

test('resource exhaustion (CWE-400): a message of ten megabytes is told without its end, costs little memory, and the next one arrives', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const { now } = outpost.memory()
  publish('panel', 'alerts/huge', Buffer.alloc(10 * 1024 * 1024, 'x'))
  publish('panel', 'alerts/after', 'after the huge one')
  await until('both are told', 20_000, () => /after the huge one/.test(mails()) && /xxxx/.test(mails()))
  const { peak } = outpost.memory()
  t.diagnostic(`${((peak - now) / 1024 / 1024).toFixed(1)} MiB more at most`)
  assert.ok(peak - now < 24 * 1024 * 1024, `${peak - now} octets more`)
  assert.match(outpost.log, /mqtt: a payload was cut/)
  outpost.alive()
})
