import type { Decoder } from './decoder.ts'
import { esphome, homeAssistant } from './topic/home.ts'
import { lorawan } from './topic/lorawan.ts'
import { lwt } from './topic/lwt.ts'
import { meshtastic } from './topic/meshtastic.ts'
import { rtl433 } from './topic/rtl433.ts'
import { shelly } from './topic/shelly.ts'
import { sparkplug } from './topic/sparkplug.ts'
import { tasmota } from './topic/tasmota.ts'
import { thinEdge } from './topic/thin-edge.ts'
import { zigbee2mqtt } from './topic/zigbee2mqtt.ts'

/** Formats of MQTT devices, recognised by topic and payload; whose topics say most comes first. */
export const topicDecoders: readonly Decoder[] = [
  sparkplug,
  thinEdge,
  meshtastic,
  zigbee2mqtt,
  shelly,
  tasmota,
  lorawan,
  homeAssistant,
  lwt,
  esphome,
  rtl433,
]
