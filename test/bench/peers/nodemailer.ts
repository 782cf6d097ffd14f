import { readFileSync } from 'node:fs'
import { Group, membersOf } from './group.ts'
import { npmClosure } from './install.ts'
import type { Duty, Peer, Running } from './peer.ts'

/** nodemailer's pool behind an MQTT client (`pool.ts`), in the two ways that there are to acknowledge. */
const root = new URL('../../..', import.meta.url).pathname
const program = new URL('pool.ts', import.meta.url).pathname

const starter =
  (when: 'at-once' | 'after-relay') =>
  async (duty: Duty): Promise<Running> => {
    const group = Group.start(process.execPath, [program, JSON.stringify(duty), when], `${duty.scratch}/pool.log`)
    return { pids: () => membersOf([group.id]), kill: () => group.end('SIGKILL'), stop: () => group.end('SIGTERM') }
  }

const versionOf = (name: string) =>
  (JSON.parse(readFileSync(`${root}node_modules/${name}/package.json`, 'utf8')) as { version: string }).version

const common = {
  needs: [],
  version: () => `nodemailer ${versionOf('nodemailer')}, mqtt ${versionOf('mqtt')}`,
  install: () => npmClosure(root, ['mqtt', 'nodemailer']),
} satisfies Partial<Peer>

export const nodemailer: Peer = {
  ...common,
  id: 'nodemailer',
  title: 'nodemailer, pool of 5',
  keeps: 'in memory',
  acknowledges: 'the MQTT client has handed it over; it is in memory',
  setUp: 'a kept MQTT session; what fails is logged',
  start: starter('at-once'),
}

export const nodemailerAfter: Peer = {
  ...common,
  id: 'nodemailer-after',
  title: 'nodemailer, acknowledged after the relay',
  keeps: 'at the broker',
  acknowledges: 'the relay has it: the broker is the queue, one alert at a time',
  setUp: 'a kept MQTT session; what fails is tried again after 5 s',
  start: starter('after-relay'),
}
