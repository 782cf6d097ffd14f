import { crc16 } from '../alert/crc16.ts'

/**
 * Modbus RTU frames (MODBUS over Serial Line 1.02; MODBUS Application Protocol 1.1b3 sections 6.1 to 6.4): requests of a client that reads, and what comes back.
 * Pure.
 */
export type Table = 'coil' | 'discrete' | 'holding' | 'input'

/** One request: `count` coils or registers from `address`, which counts from 0 as on the wire. */
export type Ask = { server: number; table: Table; address: number; count: number }

export type NumberType = 'int16' | 'uint16' | 'int32' | 'uint32' | 'float32'

/** How a number stands in registers: within a register the high octet is first; `big`: the high register, too. */
export type NumberForm = { type: NumberType; wordOrder: 'big' | 'little' }

export type Reply =
  /** Octets of the registers, or of the packed coils, as they stand in the frame. */
  | { kind: 'data'; data: Uint8Array }
  /** The server refuses; `code` is that of section 7. */
  | { kind: 'exception'; code: number }
  /** It is not the answer to this request: spoiled, late, or of another server. */
  | { kind: 'spoiled'; why: string }

const functions: Readonly<Record<Table, number>> = { coil: 1, discrete: 2, holding: 3, input: 4 }
const exceptionBit = 0x80
const crcBytes = 2

export const isBits = (table: Table): boolean => table === 'coil' || table === 'discrete'

/** Registers that a number takes. */
export const widthOf = (type: NumberType): 1 | 2 => (type.endsWith('16') ? 1 : 2)

export function requestOf({ server, table, address, count }: Ask): Uint8Array {
  return sealed([server, functions[table], address >> 8, address & 0xff, count >> 8, count & 0xff])
}

/** The frame with its CRC, low octet first (MODBUS over Serial Line, section 2.5.1.2). */
export function sealed(octets: readonly number[]): Uint8Array {
  const crc = crc16(Uint8Array.from(octets), 0xffff)
  return Uint8Array.from([...octets, crc & 0xff, crc >> 8])
}

/** Octets of data in the answer to a request. */
const dataBytes = ({ table, count }: Ask): number => (isBits(table) ? Math.ceil(count / 8) : count * 2)

/**
 * Looks for the answer in what came since the request; undefined while it may still come. Octets before it are passed over: adapters that listen while they send
 * give the request back, and RS-485 lines that float give noise.
 */
export function replyIn(heard: Uint8Array, ask: Ask): Reply | undefined {
  const code = functions[ask.table]
  const whole = 3 + dataBytes(ask) + crcBytes
  let torn = false
  for (let at = 0; at + 5 <= heard.length; at++) {
    if (heard[at] !== ask.server) continue
    if (heard[at + 1] === (code | exceptionBit) && sealedAt(heard, at, 5)) return { kind: 'exception', code: heard[at + 2] ?? 0 }
    if (heard[at + 1] !== code || heard[at + 2] !== dataBytes(ask)) continue
    if (at + whole > heard.length) torn = true
    else if (sealedAt(heard, at, whole)) return { kind: 'data', data: heard.subarray(at + 3, at + whole - crcBytes) }
  }
  if (torn || heard.length < heardLimit) return undefined
  return { kind: 'spoiled', why: `${heard.length} octets came that are no answer` }
}

/** Two of the longest frames. */
const heardLimit = 512

function sealedAt(heard: Uint8Array, at: number, length: number): boolean {
  const crc = crc16(heard.subarray(at, at + length - crcBytes), 0xffff)
  return heard[at + length - 2] === (crc & 0xff) && heard[at + length - 1] === crc >> 8
}

/** The number whose first register is the `index`th of the data; undefined when it is no number (NaN, infinity). */
export function numberIn(data: Uint8Array, index: number, { type, wordOrder }: NumberForm): number | undefined {
  const octets = Uint8Array.from(data.subarray(index * 2, (index + widthOf(type)) * 2))
  if (widthOf(type) === 2 && wordOrder === 'little') octets.set([octets[2] ?? 0, octets[3] ?? 0, octets[0] ?? 0, octets[1] ?? 0])
  const view = new DataView(octets.buffer)
  const value = {
    int16: () => view.getInt16(0),
    uint16: () => view.getUint16(0),
    int32: () => view.getInt32(0),
    uint32: () => view.getUint32(0),
    float32: () => view.getFloat32(0),
  }[type]()
  return Number.isFinite(value) ? value : undefined
}

/** The `index`th coil or input of the data: the first is the lowest bit of the first octet (section 6.1). */
export const bitIn = (data: Uint8Array, index: number): boolean => (((data[index >> 3] ?? 0) >> (index & 7)) & 1) === 1

/** What an exception means (MODBUS Application Protocol 1.1b3, section 7). */
export const exceptionWords = (code: number): string =>
  ({
    1: 'it does not know this function: read another table',
    2: 'it has no such address: see its manual, and whether that counts from 0 or 1',
    3: 'it does not give so many at once',
    4: 'it has failed',
    6: 'it is busy',
    11: 'the device behind the gateway does not answer',
  })[code] ?? `exception ${code}`
