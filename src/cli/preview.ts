import { rehearse, rehearsedMail } from '../gateway/rehearsal.ts'
import { ruledSources } from '../settings/own-sources.ts'
import { type Command, exit, Refusal, text, UsageError } from './command.ts'
import { loadSettings } from './load.ts'
import { planFor } from './plan.ts'

const sampleLimit = 256 * 1024

export const preview: Command = {
  usage: 'outpost preview --source ID [--topic T] [--data DIR] < sample',
  help: 'What this source would make of these bytes: fields, winning rule, whole mail. Nothing is kept or sent.',
  flags: { source: 'text', topic: 'text' },
  async run(scene, options) {
    const id = text(options, 'source')
    const { settings, secrets } = await loadSettings(scene)
    const known = [...new Set([...ruledSources, ...settings.sources.map((source) => source.id)])]
    if (id === undefined) throw new UsageError(`Say which source: --source ID, one of ${known.join(', ')}.`)
    if (!known.includes(id)) throw new Refusal(`There is no source ${id}. Known are: ${known.join(', ')}.`)
    const plan = await planFor(scene, settings, secrets)
    const topic = text(options, 'topic')
    const { clock } = scene.ports
    const sample = { source: id, bytes: await scene.stdin(sampleLimit), ...(topic === undefined ? {} : { topic }) }
    const found = rehearse(plan, clock, sample)
    scene.out(`decoder: ${found.decoder}\n`)
    if (found.decoded.kind !== 'reading') {
      scene.out(`${found.decoded.kind}: ${found.decoded.why}\n`)
      return found.decoded.kind === 'ignored' ? exit.done : exit.no
    }
    scene.out(`fields: ${JSON.stringify({ ...found.decoded.reading, severity: found.heard?.severity }, null, 2)}\n`)
    for (const { text, key, state = 'event' } of found.decoded.besides ?? [])
      scene.out(`told besides when it is news: ${state} ${key}: ${text}\n`)
    for (const { rule, why } of found.others) scene.out(`not rule ${rule}: ${why}\n`)
    if (!found.alert) {
      scene.out(`rule: none tells it; it is ${found.verdict?.kind === 'ignore' ? found.verdict.why : 'ignored'}\n`)
      return exit.done
    }
    const { alert } = found
    scene.out(`rule: ${alert.rule ?? 'none matched, so the first person is told'}\nto: ${alert.to.join(', ')}\n`)
    if (alert.kept !== undefined) scene.out(`kept at first: ${alert.kept}\n`)
    scene.out('\n')
    const mail = rehearsedMail(plan, alert)
    scene.out(Buffer.from(mail).toString().replaceAll('\r\n', '\n'))
    return exit.done
  },
}
