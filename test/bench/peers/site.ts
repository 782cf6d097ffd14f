import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { makeCertificates } from '../../peers/certificates.ts'
import { Link } from '../../peers/link.ts'
import { Field } from './field.ts'
import { Relay } from './relay.ts'

/** What all peers of a run share: the broker, the relay behind a link that can be cut, an authority, a folder. */
export const relayPort = 465

export class Site {
  readonly dir: string
  readonly field: Field
  readonly link: Link
  readonly relay: Relay
  readonly tls: { ca: string; cert: string; key: string }

  private constructor(dir: string, field: Field, link: Link, relay: Relay, tls: { ca: string; cert: string; key: string }) {
    this.dir = dir
    this.field = field
    this.link = link
    this.relay = relay
    this.tls = tls
  }

  /** `further`: addresses under which the relay will be known as well. What is done is undone by `undo`, the last first. */
  static async open(undo: (() => unknown)[], further: readonly string[]): Promise<Site> {
    const dir = mkdtempSync(`${tmpdir()}/outpost-peers-`)
    undo.push(() => rmSync(dir, { recursive: true, force: true }))
    chmodSync(dir, 0o755)
    const link = new Link()
    undo.push(() => link.remove())
    const tls = makeCertificates(dir, [link.far, ...further])
    const field = await Field.open(`${dir}/broker`)
    undo.push(() => field.close())
    const relay = await Relay.start({ host: link.far, port: relayPort, ...tls }, (command, args) => link.inside(command, args))
    undo.push(() => relay.stop())
    return new Site(dir, field, link, relay, tls)
  }
}
