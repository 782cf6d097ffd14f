import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { renderUnicodeCompact } from 'uqr'
import type { Box } from './apply.ts'
import { consoleText, type Device, isClaimed, labelText, wayIn } from './identity.ts'
import { anyAddress, pageUrl, usualWeb, type Web } from './page.ts'

/** What is announced, and where. `start`: the start partition. */
type Place = Pick<Box, 'run' | 'command'> & { start: string }

/** Announce: the way in, for the console, and as a label to print on the start partition; of a box that was claimed, neither. `key`: of the access point, if there is one. */
export function announce(place: Place, device: Device, { hostName, key }: { hostName: string; key: string | undefined }): void {
  const { run, start, command } = place
  const labels = { svg: `${start}/outpost-label.svg`, text: `${start}/outpost-label.txt` }
  if (isClaimed(device)) {
    for (const label of Object.values(labels)) if (existsSync(label)) rmSync(label)
    return
  }
  writeFileSync(`${run}/unclaimed`, '')
  const web = webOf(place)
  const claimCode = device.access?.claim ?? ''
  const facts = wayIn(web, { hostName, claimCode, key })
  writeFileSync(`${run}/page`, pageUrl(web, anyAddress))
  const qr = renderUnicodeCompact(`${facts.address}#/claim/${claimCode}`)
  writeFileSync(`${run}/console`, consoleText({ ...facts, qr }), { mode: 0o600 })
  keepSame(start, labels.text, labelText(facts).replaceAll('\n', '\r\n'))
  const { status, out } = command('board', 'label', '--address', facts.address)
  if (status === 0) keepSame(start, labels.svg, out)
}

/** As the gateway reads its settings. Where it cannot, there is nothing better to be said than what is usual. */
function webOf({ command }: Place): Web {
  const { status, out } = command('settings', 'export')
  return status === 0 ? { ...usualWeb, ...(JSON.parse(out) as { web?: Web }).web } : usualWeb
}

/** Writes only what is new: the card is worn by writes. */
function keepSame(start: string, path: string, text: string): void {
  if (existsSync(start) && !(existsSync(path) && readFileSync(path, 'utf8') === text)) writeFileSync(path, text)
}
