import { sendmailSource } from '../gateway/plan.ts'
import type { Taken } from '../source/source.ts'
import { type Command, exit, Later, Refusal, type Scene } from './command.ts'
import { askPatiently } from './control.ts'
import { atStandstill } from './standstill.ts'

/** Octets of one mail on standard input; the rest has no place in an alert. */
const stdinLimit = 1024 * 1024

export const sendmail: Command = {
  usage: 'outpost sendmail [-t] [-i] [ADDRESS ...] < mail',
  help: 'For cron, smartd, monit and whoever else calls sendmail: the mail becomes an alert of source sendmail, under the rules; addresses decide nothing. A link /usr/sbin/sendmail to bin/outpost does the same. The data directory is that of OUTPOST_DATA. Exit 75: not now, try again.',
  flags: {},
  takesAll: true,
  async run(scene, { words }) {
    const bytes = Buffer.from(mailOf(await scene.stdin(stdinLimit, 'is left out'), words)).toString('base64')
    const request = { verb: 'hear' as const, source: sendmailSource, bytes }
    const taken = await heard(scene, request).catch((error: unknown): Taken => {
      // A gateway that is just starting or answers late, or settings that somebody is mending: not for ever.
      if (error instanceof Refusal || error instanceof Later) return { kind: 'refused', why: error.message, hint: '', again: true }
      throw error
    })
    if (taken.kind !== 'refused') return exit.done
    scene.err(`Not accepted: ${[taken.why.replace(/\.$/, ''), taken.hint].join('. ').trimEnd()}\n`)
    return taken.again ? exit.later : exit.no
  },
}

async function heard(scene: Scene, request: { verb: 'hear'; source: string; bytes: string }): Promise<Taken> {
  const answer = await askPatiently(scene.ports, scene.dir, request)
  return (answer ?? { value: await atStandstill(scene, request) }).value as Taken
}

/** Unless told otherwise (-i, -oi), a dot alone in its line is the end, as it ever was. */
function mailOf(octets: Uint8Array, words: readonly string[]): Uint8Array {
  if (words.some((word) => /^-(?:i|oi|ti|it)$/.test(word))) return octets
  const text = Buffer.from(octets).toString('latin1')
  const end = /^\.\r?\n/m.exec(text)
  return end ? octets.subarray(0, end.index) : octets
}
