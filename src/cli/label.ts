import { encode, renderUnicodeCompact } from 'uqr'

/** Label: what is stuck on the box: where its page is, how it is claimed, and both as a QR code. SVG of 62 x 29 mm, a usual size of label printers. */
export type LabelFacts = { address: string; link: string; claimCode: string; deviceId: string }

const wide = 620
const high = 290
/** With its quiet zone of four modules beside it (ISO/IEC 18004 section 5.3.8). */
const codeSize = 240

/** The same for a terminal. */
export const labelText = ({ address, link, claimCode, deviceId }: LabelFacts): string =>
  `${address}\nclaim code ${claimCode}\ndevice ${deviceId}\n${renderUnicodeCompact(link)}\n`

export function labelSvg({ address, link, claimCode, deviceId }: LabelFacts): string {
  const { data, size } = encode(link, { border: 0, ecc: 'M' })
  const module = codeSize / size
  const modules = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])))
  const code = `<path transform="translate(24 20) scale(${module.toFixed(4)})" d="${modules.join('')}" shape-rendering="crispEdges"/>`
  const line = (y: number, size: number, text: string, weight = 400) =>
    `<text x="290" y="${y}" font-size="${size}" font-weight="${weight}">${text.replace(/[&<>]/g, (mark) => `&#${mark.charCodeAt(0)};`)}</text>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="62mm" height="29mm" viewBox="0 0 ${wide} ${high}" font-family="sans-serif">`,
    `<rect width="${wide}" height="${high}" fill="#fff"/>`,
    code,
    line(62, 36, 'Outpost', 700),
    line(108, 22, address),
    line(156, 20, 'Claim code'),
    line(198, 40, claimCode, 700),
    line(250, 18, deviceId),
    '</svg>',
    '',
  ].join('\n')
}
