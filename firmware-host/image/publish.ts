import { createHash } from 'node:crypto'
import { createReadStream, statSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Board } from './board.ts'
import type { Release } from './release.ts'
import { run } from './run.ts'

/** Publish: what lies beside an image: packed, with its block map, its sum, and the entry for the list of Raspberry Pi Imager. */
export type Published = { path: string; bytes: number }

/** `raw` becomes `out` (`….img.zst`), and `raw` stays. */
export async function publish(raw: string, out: string, board: Board, release: Release): Promise<Published[]> {
  // One thread more or less gives the same octets, as long as it is asked for threads.
  await run('zstd', ['-q', '-f', '-10', '-T2', raw, '-o', out])
  const stem = out.replace(/\.img\.zst$/, '')
  await run('bmaptool', ['create', '-o', `${stem}.img.bmap`, raw])
  const [packed, whole] = [await sumOf(out), await sumOf(raw)]
  writeFileSync(`${stem}.sha256`, `${packed}  ${basename(out)}\n${whole}  ${basename(out, '.zst')}\n`)
  writeFileSync(
    `${stem}.os-list.json`,
    osList(board, release, { name: basename(out), packed, whole, packedBytes: statSync(out).size, wholeBytes: statSync(raw).size }),
  )
  return ['.img.zst', '.img.bmap', '.sha256', '.os-list.json'].map((end) => ({
    path: `${stem}${end}`,
    bytes: statSync(`${stem}${end}`).size,
  }))
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(bytes as Buffer)
  return hash.digest('hex')
}

type Sums = { name: string; packed: string; whole: string; packedBytes: number; wholeBytes: number }

/** Tags of Raspberry Pi Imager for the boards that it knows; a box of another kind is offered without. */
const devices: Readonly<Record<string, string>> = {
  'raspberry-pi-zero-2w': 'pi3-64bit',
  'raspberry-pi-3b-plus': 'pi3-64bit',
  'raspberry-pi-4b': 'pi4-64bit',
  'raspberry-pi-cm4-io': 'pi4-64bit',
}

/** An entry for a repository of Raspberry Pi Imager; `url` is beside the list until somebody puts it elsewhere. Pure. */
export function osList(board: Board, { version, epoch }: Release, { name, packed, whole, packedBytes, wholeBytes }: Sums): string {
  const device = devices[board.name]
  return `${JSON.stringify(
    {
      os_list: [
        {
          name: `Outpost ${version} (${board.title})`,
          description: 'Mail gateway for serial lines and MQTT',
          url: name,
          release_date: new Date(epoch * 1000).toISOString().slice(0, 10),
          extract_size: wholeBytes,
          extract_sha256: whole,
          image_download_size: packedBytes,
          image_download_sha256: packed,
          devices: device === undefined ? [] : [device],
          // The box is provisioned by outpost.json, not by the Imager.
          init_format: 'none',
        },
      ],
    },
    null,
    2,
  )}\n`
}
