import { alertLimits, type Severity, severities } from '../alert/alert.ts'
import { cleanKey, cleanLine, cleanText, decodeUtf8 } from '../alert/clean.ts'
import type { Sending } from '../gateway/desk.ts'
import { isAddress } from '../settings/address.ts'
import type { Taken } from '../source/source.ts'
import { type Command, exit, Later, type Options, Refusal, type Scene, text, UsageError } from './command.ts'
import { askPatiently } from './control.ts'
import { loadSettings } from './load.ts'
import { atStandstill } from './standstill.ts'

/** Octets of one alert on standard input. */
const stdinLimit = 256 * 1024

export const send: Command = {
  usage: 'outpost send --to ADDR|PERSON [--subject S] [--severity S] [--key K] [--data DIR]',
  help: 'One alert from standard input, through the running gateway or into the journal. Exit 0 means accepted, 75: not now, try again.',
  flags: { to: 'text', subject: 'text', severity: 'text', key: 'text' },
  async run(scene, options) {
    const sending = await sendingOf(scene, options)
    const answer = await askPatiently(scene.ports, scene.dir, { verb: 'send', sending })
    const taken = (answer ?? { value: await atStandstill(scene, { verb: 'send', sending }) }).value as Taken
    if (taken.kind === 'accepted') {
      scene.out(`accepted ${taken.id}\n`)
      return exit.done
    }
    if (taken.kind === 'ignored') throw new Refusal(`Not accepted: ${taken.why}`)
    const why = `Not accepted: ${taken.why}. ${taken.hint}`
    throw taken.again ? new Later(why) : new Refusal(why)
  },
}

async function sendingOf(scene: Scene, options: Options): Promise<Sending> {
  const to = text(options, 'to')
  if (!to) throw new UsageError(`Say whom it is for: --to ops or --to ops@example.org. Usage: ${send.usage}`)
  const severity = (text(options, 'severity') ?? 'warning') as Severity
  if (!severities.includes(severity)) throw new UsageError(`--severity ${severity} is not known. Write ${severities.join(', ')}.`)
  const { settings } = await loadSettings(scene)
  if (!settings.people.some((person) => person.id === to) && !isAddress(to))
    throw new Refusal(`--to ${to} is neither a person (${settings.people.map((person) => person.id).join(', ')}) nor a mail address.`)
  const words = cleanText(decodeUtf8(await scene.stdin(stdinLimit)).text, alertLimits.textChars)
  const subject = text(options, 'subject')
  const key = text(options, 'key')
  if (!words && !subject) throw new UsageError('Standard input is empty. Write: echo "Door open" | outpost send --to ops')
  return {
    to,
    severity,
    text: words || cleanLine(subject ?? '', alertLimits.textChars),
    ...(subject === undefined ? {} : { subject: cleanLine(subject, 200) }),
    ...(key === undefined ? {} : { key: cleanKey(key, alertLimits.keyChars) }),
  }
}
