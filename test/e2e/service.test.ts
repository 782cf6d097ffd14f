import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Outpost } from '../peers/outpost.ts'
import { stop } from '../peers/process.ts'

/** A socket as systemd has it: it prints each message as a line of JSON. */
const listener = `
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('"here"', flush=True)
while True:
    words, fds, _, _ = socket.recv_fds(s, 4096, 4)
    for fd in fds: os.close(fd)
    print(json.dumps(words.decode()), flush=True)
`

test('the built gateway tells systemd that it is ready, how it is, that it lives, and that it stops', { timeout: 60_000 }, async () => {
  assert.equal(spawnSync('systemd-notify', ['--version']).status, 0, 'systemd-notify is here (Debian: systemd)')
  const dir = mkdtempSync(join(tmpdir(), 'outpost-service-'))
  const systemd = spawn('python3', ['-c', listener, `${dir}/notify`], { stdio: ['ignore', 'pipe', 'inherit'] })
  const said: string[] = []
  let wake = () => {}
  systemd.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n')) if (line !== '') said.push(JSON.parse(line) as string)
    wake()
  })
  const until = async (word: string) => {
    while (!said.some((message) => message.split('\n').includes(word))) await new Promise<void>((resolve) => (wake = resolve))
  }
  const outpost = new Outpost(`${dir}/data`, { web: { listen: '127.0.0.1:0' }, broker: { enabled: false } })
  try {
    await until('here')
    outpost.begin({ NOTIFY_SOCKET: `${dir}/notify`, WATCHDOG_USEC: '1000000' })
    await until('READY=1')
    await until('STATUS=All well.')
    const beats = () => said.filter((message) => message.split('\n').includes('WATCHDOG=1')).length
    while (beats() < 4) await new Promise<void>((resolve) => (wake = resolve))
    assert.equal(await outpost.stop(), 0)
    await until('STOPPING=1')
    assert.equal(said.filter((message) => message.includes('READY=1')).length, 1)
  } finally {
    await outpost.stop()
    await stop(systemd)
    rmSync(dir, { recursive: true })
  }
})
