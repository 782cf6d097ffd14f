import { stampNow } from '../alert/stamp.ts'
import { whenHappened } from '../alert/when.ts'
import { decode } from '../decode/registry.ts'
import { recipient } from '../gateway/people.ts'
import { brokerSource } from '../gateway/plan.ts'
import { compose } from '../mail/compose.ts'
import { instant } from '../ports/clock.ts'
import { compileRules, decide, defaultSeverity } from '../rules/match.ts'
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
    const known = [brokerSource, ...settings.sources.map((source) => source.id)]
    if (id === undefined) throw new UsageError(`Say which source: --source ID, one of ${known.join(', ')}.`)
    if (!known.includes(id)) throw new Refusal(`There is no source ${id}. The settings name ${known.join(', ')}.`)
    const plan = await planFor(scene, settings, secrets)
    const topic = text(options, 'topic')
    const decoded = decode(plan.decoderOf(id), await scene.stdin(sampleLimit), topic === undefined ? {} : { topic })
    scene.out(`decoder: ${decoded.decoder}\n`)
    if (decoded.kind !== 'reading') {
      scene.out(`${decoded.kind}: ${decoded.why}\n`)
      return decoded.kind === 'ignored' ? exit.done : exit.no
    }
    const { reading } = decoded
    const severity = reading.severity ?? defaultSeverity
    const rules = compileRules(plan.rules)
    const decision = decide(
      { source: id, severity, text: reading.text, ...(reading.key === undefined ? {} : { key: reading.key }) },
      rules,
      plan.people[0]?.id ?? 'operator',
    )
    scene.out(`fields: ${JSON.stringify({ ...reading, severity }, null, 2)}\n`)
    scene.out(`rule: ${decision.rule ?? 'none matched, so the first person is told'}\nto: ${decision.to.join(', ')}\n\n`)
    const { clock } = scene.ports
    const stamp = stampNow(clock)
    const to = decision.to.map((ref) => recipient(ref, plan.people, plan.site.domain))
    const when = whenHappened(stamp, stamp, { builtAt: instant(plan.builtAt) })
    const letter = compose(
      {
        ...reading,
        source: id,
        number: 1,
        severity,
        state: reading.state ?? 'event',
        stamp,
        to: decision.to,
        ...(topic === undefined ? {} : { topic }),
      },
      {
        ...plan.mail,
        id: 0,
        deviceId: plan.deviceId,
        site: plan.site,
        software: plan.software,
        via: plan.viaOf(id),
        when,
        composedAt: when.at,
        to,
        envelopeTo: to.map((one) => one.address),
      },
    )
    scene.out(Buffer.from(letter.content).toString().replaceAll('\r\n', '\n'))
    return exit.done
  },
}
