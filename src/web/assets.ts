import { hash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { type Disk, isDiskError } from '../ports/disk.ts'

/** Assets: the built page, gzipped at the build and kept in memory, since it is smaller than a photograph. */
const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}
const assetBytes = 1024 * 1024

type Asset = { gzip: Uint8Array; type: string; tag: string }

export class Assets {
  readonly #files: ReadonlyMap<string, Asset>

  private constructor(files: ReadonlyMap<string, Asset>) {
    this.#files = files
  }

  /** Files of `dir` whose names end in .gz. None when there is no such directory. */
  static async load(disk: Disk, dir: string): Promise<Assets> {
    const files = new Map<string, Asset>()
    const names = await disk.list(dir).catch((error: unknown) => {
      if (isDiskError(error)) return []
      throw error
    })
    for (const name of names) {
      const [, path = '', ending = ''] = /^((?:[\w-]+\.)+(\w+))\.gz$/.exec(name) ?? []
      const type = types[ending]
      if (type === undefined) continue
      const gzip = await disk.read(`${dir}/${name}`)
      files.set(`/${path}`, { gzip, type, tag: `"${hash('sha256', gzip).slice(0, 16)}"` })
    }
    return new Assets(files)
  }

  /** The file of a path; `/` is the page. Undefined: there is none. */
  answer(path: string, headers: Headers): Response | undefined {
    const found = this.#files.get(path === '/' ? '/index.html' : path)
    if (!found) return undefined
    const common = { ETag: found.tag, 'Cache-Control': 'no-cache', Vary: 'Accept-Encoding' }
    if (headers.get('if-none-match') === found.tag) return new Response(null, { status: 304, headers: common })
    const zipped = /\bgzip\b/.test(headers.get('accept-encoding') ?? '')
    const body = zipped ? found.gzip : gunzipSync(found.gzip, { maxOutputLength: assetBytes })
    return new Response(new Uint8Array(body), {
      headers: { ...common, 'Content-Type': found.type, ...(zipped ? { 'Content-Encoding': 'gzip' } : {}) },
    })
  }
}
