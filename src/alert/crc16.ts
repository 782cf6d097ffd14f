/** CRC-16 with the polynomial 0xA001, least significant bit first: from 0 it is CRC-16/ARC (SIA DC-09, DSMR), from 0xFFFF CRC-16/MODBUS. */
export function crc16(bytes: Uint8Array, begin: 0 | 0xffff): number {
  let crc: number = begin
  for (const octet of bytes) {
    crc ^= octet
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  }
  return crc
}
