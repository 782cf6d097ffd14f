import type { Clock } from '../ports/clock.ts'
import type { Finding } from '../settings/finding.ts'
import type { EffectiveSettings } from '../settings/schema.ts'
import { delimiterBytes } from '../source/frame.ts'
import { planOf } from './plan.ts'
import { type Rehearsal, rehearse } from './rehearsal.ts'

/** Samples: what the settings' rules make of what was sent once. A finding for each that no longer goes where its rule says; nothing is kept. */
export function strayed(settings: EffectiveSettings, clock: Clock): Finding[] {
  const plan = planOf({
    settings,
    secret: () => undefined,
    refreshToken: () => ({ read: async () => undefined, keep: async () => {} }),
    pem: new Map(),
    device: { id: '' },
    dir: '',
    software: '',
    builtAt: 0,
  })
  return settings.rules.flatMap((rule, index) =>
    (rule.samples ?? []).flatMap((sample, at): Finding[] => {
      const { source, topic, sent } = sample
      const found = rehearse(plan, clock, { source, bytes: delimiterBytes(sent), ...(topic === undefined ? {} : { topic }) })
      const what = faultOf(sample, rule.id, found)
      if (what === undefined) return []
      return [
        { path: `rules[${index}].samples[${at}]`, what, write: 'Change the rule, or the sample when it was meant so.', level: 'error' },
      ]
    }),
  )
}

type Sample = NonNullable<EffectiveSettings['rules'][number]['samples']>[number]

function faultOf({ taken, expect }: Sample, rule: string, found: Rehearsal): string | undefined {
  const { decoded, heard, matched, others } = found
  if (decoded.kind !== 'reading' || !heard) {
    const why = decoded.kind === 'reading' ? 'nothing is heard' : decoded.why
    return taken || expect ? `This sample is no alert (${found.decoder}: ${why}).` : undefined
  }
  if (taken && !matched.includes(rule)) {
    const why = others.find((one) => one.rule === rule)?.why
    return `This sample is not taken by ${rule}: ${why ?? `${matched.at(-1)} takes it before`}.`
  }
  if (!taken && matched.includes(rule)) return `This sample is taken by ${rule}, and must not be.`
  for (const [name, wanted] of Object.entries(expect ?? {})) {
    const is = heard[name as keyof NonNullable<Sample['expect']>]
    if (wanted !== undefined && is !== wanted)
      return `This sample reads ${name} as ${is === undefined ? 'nothing' : JSON.stringify(is)}, not ${JSON.stringify(wanted)} (decoder ${found.decoder}).`
  }
  return undefined
}
