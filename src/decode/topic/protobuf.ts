/** Protobuf: the wire format as far as Sparkplug B needs it (fields of a message in their order). Throws RangeError for octets that are none. */
export type Field = { number: number; value: bigint | number | Uint8Array; wire: 0 | 1 | 2 | 5 }

const fieldsLimit = 10_000

export function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at < bytes.length) {
    if (fields.length >= fieldsLimit) throw new RangeError('too many fields')
    const key = varint()
    const [number, wire] = [Number(key >> 3n), Number(key & 7n)]
    if (wire === 0) fields.push({ number, wire, value: varint() })
    else if (wire === 1) fields.push({ number, wire, value: view.getFloat64(skip(8), true) })
    else if (wire === 5) fields.push({ number, wire, value: view.getFloat32(skip(4), true) })
    else if (wire === 2) {
      const length = Number(varint())
      const from = skip(length)
      fields.push({ number, wire, value: bytes.subarray(from, from + length) })
    } else throw new RangeError('an unknown wire type')
  }
  return fields

  function skip(octets: number): number {
    const from = at
    at += octets
    if (at > bytes.length) throw new RangeError('it ends too early')
    return from
  }

  function varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const octet = bytes[skip(1)] ?? 0
      value |= BigInt(octet & 0x7f) << shift
      if (octet < 0x80) return BigInt.asUintN(64, value)
    }
    throw new RangeError('a number without an end')
  }
}
