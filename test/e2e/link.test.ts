import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { missing, run, sleep, stop, until } from '../peers/process.ts'

/**
 * The gateway in a network namespace, a mail server in another one, a cable between them. The file runs itself again inside, where it may pull the
 * cable, and once more as the mail server; all of it goes with its last process.
 */
const role = process.env.OUTPOST_ROLE
const skip = missing('ip', 'unshare', 'mount') || (process.getuid?.() === 0 ? false : 'a network namespace needs root')
const root = new URL('../..', import.meta.url).pathname
const again = `"${process.execPath}" "${import.meta.filename}"`
const ip = (...args: string[]) => run('ip', args)
const now = () => performance.timeOrigin + performance.now()

if (role === 'server') serve()
else if (role === 'box') test('the first try comes within a second of the cable, and none before', { timeout: 80_000 }, insideBox)
else
  test('a cable is pulled and plugged in: the story in a network namespace', { skip, timeout: 100_000 }, (t) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const inner = [
      'mount -t sysfs none /sys',
      'mkdir -p /run/netns && mount -t tmpfs none /run/netns',
      'ip netns add far && ip link set lo up',
      'ip link add box0 type veth peer name far0 netns far && ip link set box0 up && ip addr add 198.51.100.2/24 dev box0',
      'ip -n far addr add 198.51.100.1/24 dev far0',
      `exec ${again}`,
    ].join(' && ')
    const done = spawnSync('unshare', ['--net', '--mount', 'sh', '-c', inner], {
      encoding: 'utf8',
      timeout: 90_000,
      env: { ...env, OUTPOST_ROLE: 'box', PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    })
    t.diagnostic(done.stdout)
    assert.equal(done.status, 0, done.stdout + done.stderr)
    assert.match(done.stdout, /pass 1\b/)
  })

/** Says when somebody connects and when a letter is there, as lines on standard output. */
function serve(): void {
  createServer((socket) => {
    console.log(`connect ${now()}`)
    let content = false
    socket.on('error', () => {})
    socket.write('220 far\r\n')
    socket.on('data', (bytes) => {
      for (const line of bytes.toString().split('\r\n').slice(0, -1)) {
        if (content && line !== '.') continue
        if (content) console.log(`letter ${now()}`)
        content = line === 'DATA'
        socket.write(content ? '354 go\r\n' : line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n')
        if (line === 'QUIT') socket.end()
      }
    })
  }).listen(2525, '0.0.0.0', () => console.log('listens'))
}

async function insideBox(t: { diagnostic(words: string): void }): Promise<void> {
  const dir = mkdtempSync(`${tmpdir()}/outpost-link-`)
  const children: ChildProcess[] = []
  const heard: string[] = []
  try {
    writeFileSync(`${dir}/hosts`, '127.0.0.1 localhost\n198.51.100.1 relay.test\n')
    run('mount', ['--bind', `${dir}/hosts`, '/etc/hosts'])
    const server = spawn('ip', ['netns', 'exec', 'far', process.execPath, import.meta.filename], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, OUTPOST_ROLE: 'server' },
    })
    children.push(server)
    server.stdout.on('data', (bytes) => heard.push(...String(bytes).split('\n').filter(Boolean)))
    await until('the server listens', 10_000, () => heard.includes('listens'))
    run('mkdir', [`${dir}/data`])
    writeFileSync(
      `${dir}/data/settings.json`,
      JSON.stringify({
        site: { domain: 'box.example.org' },
        broker: { enabled: false },
        people: [{ id: 'ops', address: 'ops@example.org' }],
        relays: [{ id: 'far', host: 'relay.test', port: 2525, security: 'none' }],
      }),
    )
    let log = ''
    const gateway = spawn(process.execPath, [`${root}src/main.ts`, 'run', '--data', `${dir}/data`], { stdio: ['ignore', 'ignore', 'pipe'] })
    children.push(gateway)
    gateway.stderr.on('data', (bytes) => {
      log += bytes
    })
    await until('the gateway is ready', 20_000, () => log.includes('gateway: ready'))
    const times = (what: string) => heard.flatMap((line) => (line.startsWith(what) ? [Number(line.split(' ')[1])] : []))
    const delays: number[] = []
    for (let round = 1; round <= 3; round++) {
      run(process.execPath, [`${root}src/main.ts`, 'send', '--to', 'ops', '--data', `${dir}/data`], `round ${round}`)
      await sleep(3000)
      assert.equal(times('connect').length, round - 1, 'nothing is tried while the cable is out')
      assert.match(run(process.execPath, [`${root}src/main.ts`, 'queue', '--data', `${dir}/data`]), /link: away/)
      const at = now()
      ip('-n', 'far', 'link', 'set', 'far0', 'up')
      await until('the letter is there', 10_000, () => times('letter').length === round)
      delays.push((times('connect')[round - 1] ?? Number.POSITIVE_INFINITY) - at)
      ip('-n', 'far', 'link', 'set', 'far0', 'down')
      await sleep(200)
    }
    t.diagnostic(`from the cable to the connection: ${delays.map((ms) => `${Math.round(ms)} ms`).join(', ')}`)
    for (const ms of delays) assert.ok(ms <= 1000, `${ms} ms`)
    assert.doesNotMatch(log, /relay: letters wait/, 'no try has failed')
  } finally {
    for (const child of children) await stop(child)
    spawnSync('umount', ['/etc/hosts'])
    rmSync(dir, { recursive: true, force: true })
  }
}
