import assert from 'node:assert/strict'
import { type ChildProcess, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { missing, runBeside, stop } from '../peers/process.ts'
import { ptyPair } from '../peers/pty.ts'

/** outpost sniff on a real terminal. */
const program = new URL('../../bin/outpost', import.meta.url).pathname
const skip = missing('socat')
const dir = mkdtempSync(`${tmpdir()}/outpost-sniff-`)
let pair: ChildProcess | undefined

after(async () => {
  await stop(pair, 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

test('outpost sniff says what a line speaks, as settings to copy, and which lines it cannot hear', { skip, timeout: 60_000 }, async () => {
  pair = await ptyPair(`${dir}/box`, `${dir}/panel`)
  const panel = openSync(`${dir}/panel`, 'w')
  const says = setInterval(() => writeSync(panel, '5011 181234E12101001\x14'), 300)
  try {
    const all = await runBeside(program, ['sniff', '--path', `${dir}/box`, '--seconds', '10', '--json'])
    const said = JSON.parse(all.split('\n').find((line) => line.startsWith('{')) ?? '')
    assert.deepEqual(said.source, {
      ...{ id: 'line-1', kind: 'serial', path: `${dir}/box`, baudRate: 9600, dataBits: 8, parity: 'none' },
      ...{ frame: { kind: 'delimiter', delimiter: '\\x14' }, decode: 'contact-id', acknowledge: 'contact-id' },
    })
    assert.match(said.says[0], /Duress/)
  } finally {
    clearInterval(says)
    closeSync(panel)
  }
  const told = (...words: string[]) => {
    const { status, stderr } = spawnSync(program, ['sniff', ...words], { encoding: 'utf8' })
    return `${status} ${stderr.trim().split('\n').at(-1)}`
  }
  assert.match(told('--path', `${dir}/nothing`), /^1 .*There is no .*nothing/)
  assert.match(told('--path', program), /^1 .*is not a serial line/)
  assert.match(told(), /^2 .*Say which line/)
  assert.match(told('--path', `${dir}/box`, '--seconds', '0'), /^2 .*from 1 to 3600/)
  assert.match(told('--path', `${dir}/box`, '--seconds', '1', '--rate', '1200'), /^1 .*Nothing was heard/)
})
