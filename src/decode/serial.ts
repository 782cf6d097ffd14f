import { csv, groups } from './columns.ts'
import type { Decoder } from './decoder.ts'
import { alarmDecoder } from './panel/alarm-decoder.ts'
import { contactId } from './panel/contact-id.ts'
import { dc09 } from './panel/dc-09.ts'
import { firePanel } from './panel/fire-panel.ts'
import { nmea } from './panel/nmea.ts'
import { dsmr } from './sensor/dsmr.ts'
import { mysensors } from './sensor/mysensors.ts'
import { nut } from './sensor/nut.ts'
import { rflink } from './sensor/rflink.ts'
import { yokogawa } from './sensor/yokogawa.ts'

/** Formats of serial lines; what the settings shape comes first. */
export const serialDecoders: readonly Decoder[] = [
  groups,
  csv,
  contactId,
  dc09,
  nmea,
  alarmDecoder,
  rflink,
  mysensors,
  dsmr,
  nut,
  yokogawa,
  firePanel,
]
