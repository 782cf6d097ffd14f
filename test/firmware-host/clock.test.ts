import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { unitDir } from '../../src/ports/node/set-clock.ts'
import { missing } from '../peers/process.ts'

const rootfs = new URL('../../firmware-host/rootfs/', import.meta.url).pathname
const units = join(rootfs, 'etc/systemd/system')
const program = 'usr/lib/outpost/host/clock'
const script = readFileSync(join(rootfs, program), 'utf8')

/** In seconds: when the software was built, what the clock of the box says, and what is right. */
const built = 1_790_000_000
const now = built + 60
const right = 1_796_000_000

type Case = {
  /** What lies in the gateway's directory. */
  word?: string
  /** That is a directory. */
  isDirectory?: boolean
  /** How long it has lain there. */
  ageSeconds?: number
  timesync?: 'none' | 'waits' | 'synchronised'
  /** What timedatectl says of whoever else keeps the clock. */
  kept?: string
}

/** Has the program of root judge a word, on a machine whose date and timedatectl are ours. */
function judged({ word = `${right}250`, isDirectory = false, ageSeconds = 0, timesync = 'waits', kept = 'no' }: Case) {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-clock-'))
  try {
    const path = (name: string) => join(dir, name)
    if (isDirectory) mkdirSync(path('word'))
    else writeFileSync(path('word'), word)
    utimesSync(path('word'), now - ageSeconds, now - ageSeconds)
    writeFileSync(path('built'), '')
    utimesSync(path('built'), built, built)
    if (timesync !== 'none') mkdirSync(path('timesync'))
    if (timesync === 'synchronised') writeFileSync(path('timesync/synchronized'), '')
    const date = `#!/bin/sh\nif [ "$1" = +%s ]; then echo ${now}; else echo "$*" >> ${path('set')}; fi\n`
    writeFileSync(path('date'), date, { mode: 0o755 })
    writeFileSync(path('timedatectl'), `#!/bin/sh\necho ${kept}\n`, { mode: 0o755 })
    const here = [
      ['/run/outpost/clock', 'word'],
      ['/usr/lib/outpost/dist/outpost.cjs', 'built'],
      ['/run/systemd/timesync', 'timesync'],
    ] as const
    const input = here.reduce((text, [there, name]) => text.replaceAll(there, path(name)), script)
    const { status, stderr } = spawnSync('sh', { input, encoding: 'utf8', env: { PATH: `${dir}:${process.env.PATH}` } })
    assert.ok(!existsSync(path('word')), 'the word is gone')
    return { status, stderr, set: existsSync(path('set')) ? readFileSync(path('set'), 'utf8').trim() : undefined }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

const refused = (one: Case, why: RegExp): void => {
  const { status, stderr, set } = judged(one)
  assert.equal(set, undefined, JSON.stringify(one))
  assert.notEqual(status, 0)
  assert.match(stderr, why, JSON.stringify(one))
}

test('the clock is set to the word of the gateway, and by how long that lay', () => {
  assert.deepEqual(judged({}), { status: 0, stderr: '', set: `-u -s @${right}.250` })
  assert.equal(judged({ ageSeconds: 3, word: `${right}007\n` }).set, `-u -s @${right + 3}.007`)
  assert.equal(judged({ timesync: 'none' }).set, `-u -s @${right}.250`)
})

test('command injection (CWE-77): a word that is no plain time of 13 digits sets nothing', () => {
  const words = [
    '',
    ' ',
    '0',
    `${right}`,
    `0${right}00`,
    `${right}2500`,
    `-${right}25`,
    `${right}.25`,
    `1e12`,
    `${right}25a`,
    '$(reboot)1234',
  ]
  for (const word of [...words, `${right}25\n0`, '2038-01-19T03', `${right}250; reboot`]) refused({ word }, /this is no time/)
  refused({ isDirectory: true }, /this is no time/)
})

test('a clock that the network or anything else keeps right is not set', () => {
  refused({ timesync: 'synchronised' }, /the network keeps it right/)
  refused({ timesync: 'none', kept: 'yes' }, /something else keeps it right/)
})

test('neither an old word is taken nor a time at which there was no such software', () => {
  refused({ ageSeconds: 31 }, /not fresh/)
  refused({ ageSeconds: -1 }, /not fresh/)
  refused({ word: `${built - 1}999` }, /before this software was built/)
  refused({ word: '4102444800000' }, /after 2099/)
  assert.ok(judged({ word: `${built}000`, ageSeconds: 30 }).set)
})

const unit = (name: string): string => readFileSync(join(units, name), 'utf8')
const says = (name: string, line: string): void => assert.ok(unit(name).split('\n').includes(line), `${name}: ${line}`)

test('the word goes where root waits for it, in a directory that is the gateway’s alone and not on the card', () => {
  says('outpost.service', `RuntimeDirectory=${unitDir.replace('/run/', '')}`)
  says('outpost.service', 'RuntimeDirectoryMode=0700')
  says('outpost-clock.path', `PathExists=${unitDir}/clock`)
  says('outpost-clock.service', `ReadWritePaths=-${unitDir}`)
  says('outpost-clock.service', `ExecStart=/${program}`)
  assert.ok(script.includes(`word=${unitDir}/clock\n`))
  assert.ok((statSync(join(rootfs, program)).mode & 0o111) === 0o111)
  assert.ok(readFileSync(join(rootfs, 'etc/systemd/system-preset/00-outpost.preset'), 'utf8').includes('\nenable outpost-clock.path\n'))
})

test('unnecessary privileges (CWE-250): whoever sets the clock may set the clock, and the gateway may not', {
  skip: missing('systemd-analyze'),
}, () => {
  for (const key of ['CapabilityBoundingSet', 'AmbientCapabilities']) says('outpost-clock.service', `${key}=CAP_SYS_TIME`)
  says('outpost-clock.service', 'User=outpost')
  says('outpost.service', 'ProtectClock=yes')
  const args = ['security', '--offline=true', '--threshold=20', '--no-pager', join(units, 'outpost-clock.service')]
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
  assert.equal(status, 0, `${stdout.split('\n').slice(-3).join('\n')}${stderr}`)
})

test('systemd understands both units', { skip: missing('systemd-analyze') }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-clock-units-'))
  try {
    const names = ['outpost-clock.path', 'outpost-clock.service']
    for (const name of names) cpSync(join(units, name), join(dir, name))
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...names.map((name) => join(dir, name))], { encoding: 'utf8' })
    const ours = stderr.split('\n').filter((line) => line.includes('outpost-clock') && !line.includes(`/${program} is not executable`))
    assert.deepEqual(ours, [])
  } finally {
    rmSync(dir, { recursive: true })
  }
})
