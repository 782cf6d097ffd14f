import type { Severity } from '../../alert/alert.ts'

/** Contact-ID event codes (Ademco, SIA DC-05), those that panels commonly send. */
const events: Readonly<Record<string, string>> = {
  100: 'Medical',
  101: 'Personal emergency',
  102: 'Fail to report in',
  110: 'Fire',
  111: 'Smoke',
  112: 'Combustion',
  113: 'Water flow',
  114: 'Heat',
  115: 'Pull station',
  116: 'Duct',
  117: 'Flame',
  118: 'Near alarm',
  120: 'Panic',
  121: 'Duress',
  122: 'Silent panic',
  123: 'Audible panic',
  124: 'Duress, access granted',
  125: 'Duress, egress granted',
  130: 'Burglary',
  131: 'Perimeter',
  132: 'Interior',
  133: '24-hour burglary',
  134: 'Entry or exit',
  135: 'Day or night',
  136: 'Outdoor',
  137: 'Tamper',
  138: 'Near alarm',
  139: 'Intrusion verified',
  140: 'General alarm',
  141: 'Polling loop open',
  142: 'Polling loop short',
  143: 'Expansion module failure',
  144: 'Sensor tamper',
  145: 'Expansion module tamper',
  146: 'Silent burglary',
  147: 'Sensor supervision failure',
  150: '24-hour non-burglary',
  151: 'Gas detected',
  152: 'Refrigeration',
  153: 'Loss of heat',
  154: 'Water leakage',
  155: 'Foil break',
  156: 'Day trouble',
  157: 'Low bottled gas level',
  158: 'High temperature',
  159: 'Low temperature',
  161: 'Loss of air flow',
  162: 'Carbon monoxide detected',
  163: 'Tank level',
  200: 'Fire supervisory',
  201: 'Low water pressure',
  202: 'Low CO2',
  203: 'Gate valve sensor',
  204: 'Low water level',
  205: 'Pump activated',
  206: 'Pump failure',
  300: 'System trouble',
  301: 'AC loss',
  302: 'Low system battery',
  303: 'RAM checksum bad',
  304: 'ROM checksum bad',
  305: 'System reset',
  306: 'Panel programming changed',
  307: 'Self-test failure',
  308: 'System shutdown',
  309: 'Battery test failure',
  310: 'Ground fault',
  311: 'Battery missing',
  312: 'Power supply overcurrent',
  313: 'Engineer reset',
  320: 'Sounder or relay',
  321: 'Bell 1',
  322: 'Bell 2',
  330: 'System peripheral trouble',
  331: 'Polling loop open',
  332: 'Polling loop short',
  333: 'Expansion module failure',
  336: 'Local printer failure',
  341: 'Expansion module tamper',
  342: 'Expansion module AC loss',
  343: 'Expansion module low battery',
  344: 'RF receiver jam detected',
  350: 'Communication trouble',
  351: 'Telco 1 fault',
  352: 'Telco 2 fault',
  353: 'Long range radio fault',
  354: 'Failure to communicate',
  355: 'Loss of radio supervision',
  356: 'Loss of central polling',
  370: 'Protection loop',
  371: 'Protection loop open',
  372: 'Protection loop short',
  373: 'Fire trouble',
  374: 'Exit error alarm',
  380: 'Sensor trouble',
  381: 'Loss of RF supervision',
  382: 'Loss of RPM supervision',
  383: 'Sensor tamper',
  384: 'RF low battery',
  385: 'Smoke detector high sensitivity',
  386: 'Smoke detector low sensitivity',
  389: 'Sensor self-test failure',
  391: 'Sensor watch failure',
  393: 'Maintenance alert',
  400: 'Open or close',
  401: 'Open or close by user',
  403: 'Automatic open or close',
  406: 'Cancel',
  407: 'Remote arm or disarm',
  408: 'Quick arm',
  409: 'Keyswitch open or close',
  411: 'Callback requested',
  412: 'Successful download',
  421: 'Access denied',
  422: 'Access granted',
  441: 'Armed stay',
  451: 'Early open or close',
  452: 'Late open or close',
  454: 'Failed to close',
  455: 'Automatic arming failed',
  456: 'Partial arm',
  459: 'Recent close',
  461: 'Wrong code entry',
  520: 'Sounder disabled',
  551: 'Dialler disabled',
  570: 'Zone bypassed',
  571: 'Fire bypassed',
  573: 'Burglary bypassed',
  574: 'Group bypassed',
  601: 'Manual test',
  602: 'Periodic test',
  603: 'Periodic RF test',
  606: 'Listen-in to follow',
  607: 'Walk test',
  608: 'Periodic test, trouble present',
  616: 'Service request',
  621: 'Event log reset',
  622: 'Event log half full',
  623: 'Event log nearly full',
  624: 'Event log overflow',
  625: 'Time or date reset',
  627: 'Program mode entered',
  628: 'Program mode left',
  654: 'System inactivity',
}

const critical = new Set(['151', '162', '154'])

/** 1xx are alarms, 2xx and 3xx supervision and trouble, 4xx to 6xx what people and clocks do. */
export function severityOf(code: string): Severity {
  if (critical.has(code) || /^1[0-4]/.test(code)) return 'critical'
  return /^[123]/.test(code) ? 'warning' : 'info'
}

export const eventOf = (code: string): string => events[code] ?? `Event ${code}`

/** Only these begin and end; the others happen. */
export const lasts = (code: string): boolean => /^[1235]/.test(code)

type Sia = { name: string; severity: Severity; raise?: string; state: 'raised' | 'cleared' | 'event' }

const kinds: readonly (readonly [code: string, name: string, severity: Severity])[] = [
  ['A', 'AC power', 'warning'],
  ['B', 'Burglary', 'critical'],
  ['F', 'Fire', 'critical'],
  ['G', 'Gas', 'critical'],
  ['H', 'Holdup', 'critical'],
  ['K', 'Heat', 'critical'],
  ['M', 'Medical', 'critical'],
  ['P', 'Panic', 'critical'],
  ['Q', 'Emergency', 'critical'],
  ['S', 'Sprinkler', 'critical'],
  ['T', 'Tamper', 'warning'],
  ['U', 'Untyped', 'warning'],
  ['W', 'Water', 'critical'],
  ['Y', 'Battery', 'warning'],
  ['Z', 'Freezer', 'warning'],
]

/** SIA DC-04 two-letter codes: x+A an alarm, x+T trouble; x+R ends the alarm (AC and battery: the trouble), x+J the trouble. */
export function siaOf(code: string): Sia {
  const kind = kinds.find(([letter]) => letter === code[0])
  const other: Readonly<Record<string, string>> = {
    OP: 'Opening',
    CL: 'Closing',
    RP: 'Automatic test',
    RX: 'Manual test',
    TX: 'Test',
    NL: 'Perimeter armed',
    CG: 'Closed an area',
    OG: 'Opened an area',
  }
  if (code in other) return { name: other[code] ?? code, severity: 'info', state: 'event' }
  if (!kind) return { name: `Event ${code}`, severity: 'warning', state: 'event' }
  const [letter, name, severity] = kind
  const isPower = letter === 'A' || letter === 'Y'
  switch (code[1]) {
    case 'A':
      return { name: `${name} alarm`, severity, raise: `${letter}A`, state: 'raised' }
    case 'T':
      return { name: `${name} trouble`, severity: 'warning', raise: `${letter}T`, state: 'raised' }
    case 'R':
    case 'H':
      return {
        name: `${name} restored`,
        severity: isPower ? 'warning' : severity,
        raise: isPower ? `${letter}T` : `${letter}A`,
        state: 'cleared',
      }
    case 'J':
      return { name: `${name} trouble restored`, severity: 'warning', raise: `${letter}T`, state: 'cleared' }
    default:
      return { name: `${name}, event ${code}`, severity: 'warning', state: 'event' }
  }
}
