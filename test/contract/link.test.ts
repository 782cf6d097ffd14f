import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { NodeLink } from '../../src/ports/node/link.ts'
import { missing, run, sleep } from '../peers/process.ts'
import { SimLink } from '../sim/world/link.ts'
import { SimRandom } from '../sim/world/random.ts'
import { Timeline } from '../sim/world/timeline.ts'
import { linkContract } from './link.ts'

/** The file runs itself again inside a network namespace, where cables may be pulled. It goes with its last process. */
const inside = process.env.OUTPOST_NETNS === '1'
const skip = missing('ip', 'unshare', 'mount') || (process.getuid?.() === 0 ? false : 'a network namespace needs root')
const ip = (...args: string[]) => void run('ip', args)

if (inside)
  linkContract('the link of the machine', () => {
    ip('link', 'add', 'box0', 'type', 'veth', 'peer', 'name', 'far0')
    ip('link', 'set', 'box0', 'up')
    return {
      link: new NodeLink(),
      carrier: (on) => ip('link', 'set', 'far0', on ? 'up' : 'down'),
      address: (on) => ip('addr', on ? 'add' : 'del', '198.51.100.2/24', 'dev', 'box0'),
      defaultRoute: (on) => ip('route', on ? 'add' : 'del', 'default', 'via', '198.51.100.1'),
      pass: sleep,
      done: () => ip('link', 'del', 'box0'),
    }
  })
else {
  linkContract('the simulated link', () => {
    const timeline = new Timeline()
    const link = new SimLink(timeline, new SimRandom(1))
    link.change('box0', { up: false })
    return {
      link,
      carrier: (up) => link.change('box0', { up }),
      address: (on) => link.change('box0', { address: on ? '198.51.100.2' : undefined }),
      defaultRoute: (defaultRoute) => link.change('box0', { defaultRoute }),
      pass: (ms) => timeline.run(timeline.now + ms),
      done: () => {},
    }
  })

  test('the same stories in a network namespace', { skip, timeout: 60_000 }, (t) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const inner = `mount -t sysfs none /sys && ip link set lo up && exec "${process.execPath}" "${import.meta.filename}"`
    const done = spawnSync('unshare', ['--net', '--mount', 'sh', '-c', inner], {
      encoding: 'utf8',
      timeout: 50_000,
      env: { ...env, OUTPOST_NETNS: '1', PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    })
    t.diagnostic(done.stdout)
    assert.equal(done.status, 0, done.stdout + done.stderr)
    assert.match(done.stdout, /^# pass 3|^ℹ pass 3/m, 'all of them ran')
  })
}
