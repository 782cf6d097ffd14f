import type { Severity } from '../../alert/alert.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'

/**
 * thin-edge.io alarms: `te/<device>/<service>/a/<type>` with `{"text","severity","time"}`, and before version 1 `tedge/alarms/<severity>/<type>[/<child>]`. They are
 * retained, and an empty payload clears them.
 */
const topicPattern = /^te\/(?<entity>[^/]*\/[^/]*\/[^/]*\/[^/]*)\/a\/(?<type>[^/]+)$/
const olderPattern = /^tedge\/alarms\/(?<severity>critical|major|minor|warning)\/(?<type>[^/]+)(?:\/(?<child>[^/]+))?$/
const severities: Readonly<Record<string, Severity>> = { critical: 'critical', major: 'critical', minor: 'warning', warning: 'warning' }

type Place = { type: string; device: string; severity?: string }

function placeOf(topic: string): Place | undefined {
  const { entity, type = '' } = topicPattern.exec(topic)?.groups ?? {}
  if (entity !== undefined) return { type, device: entity.split('/').filter(Boolean).join('/') }
  const older = olderPattern.exec(topic)?.groups
  return older && { type: older.type ?? '', device: older.child ?? 'device/main', ...(older.severity ? { severity: older.severity } : {}) }
}

function decodeAlarm({ bytes, object }: Payload, context: Context): Decoded {
  const place = placeOf(context.topic ?? '')
  if (!place) return { kind: 'undecodable', why: 'thin-edge.io speaks of alarms on te/…/a/<type> and tedge/alarms/…' }
  const key: [string, unknown] = ['key', `${place.device}/${place.type}`]
  if (bytes.length === 0)
    return {
      kind: 'reading',
      reading: readingOf([['text', `${place.device}: ${place.type} is over`], key, ['state', 'cleared'], ['severity', 'info']], context),
    }
  if (!object) return { kind: 'undecodable', why: 'This alarm is neither a JSON object nor empty.' }
  const { text, severity, time, ...more } = object
  const said = String(severity ?? place.severity ?? 'warning').toLowerCase()
  const members: [string, unknown][] = [
    ['text', typeof text === 'string' && text !== '' ? text : `${place.device}: ${place.type}`],
    key,
    ['state', 'raised'],
    ['severity', severities[said] ?? 'warning'],
    ...(time === undefined ? [] : [['at', time] as [string, unknown]]),
    ...Object.entries(more).filter(([name]) => !['key', 'state', 'id'].includes(name)),
  ]
  return { kind: 'reading', reading: readingOf(members, context) }
}

export const thinEdge: Decoder = {
  name: 'thin-edge',
  title: 'thin-edge.io alarms: raised by their text, cleared by an empty payload',
  sample: { topic: 'te/device/main///a/temperature_high', text: '{"text":"Temperature very high","severity":"critical"}' },
  recognises: ({ bytes, object }, { topic = '' }) => placeOf(topic) !== undefined && (bytes.length === 0 || object !== undefined),
  speaksEmpty: ({ topic = '', retained }) => !retained && placeOf(topic) !== undefined,
  decode: decodeAlarm,
}
