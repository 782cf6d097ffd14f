import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { signed } from '../../src/mail/dkim.ts'
import { headFor, passOn, withReturnPath } from '../../src/mail/pass-on.ts'
import { Drop } from '../../src/mailbox/drop.ts'
import { deliver, exportMbox, listMail, showMail } from '../../src/mailbox/maildir.ts'
import { stuffed, topOf } from '../../src/mailbox/stuffed.ts'
import { instant } from '../../src/ports/clock.ts'
import { NodeDisk } from '../../src/ports/node/disk.ts'
import { rsaKey } from '../sim/world/rsa-key.ts'

/** One mail of so many octets, all of them this piece again and again, on its way from the spool into the mailbox and out to its readers: `large.ts DIR BYTES HEAD PIECE`, the last two with escapes as in JSON. */
const [, , root = '', size = '', head = '', piece = ''] = process.argv
const octets = (words: string) => Buffer.from(JSON.parse(`"${words}"`) as string, 'latin1')
const body = Buffer.alloc(Number(size), octets(piece))
const mail = Buffer.concat([octets(head), body])

const enclosed = { file: 'x', bytes: mail.length, crc: 0, from: 'nas@lan', by: '192.0.2.9', with: 'ESMTP' }
const about = {
  id: 1,
  deviceId: 'aa',
  site: { name: '', domain: 'site.example.org', timeZone: 'UTC' },
  software: 'Outpost',
  from: { address: 'box@site.example.org' },
  when: { at: instant(0), certainty: 'exact' as const },
  sender: 'own' as const,
}
const written = headFor(enclosed, mail, about)
assert.ok(written.length <= 400 * 1024, `a header of ${written.length} octets fits no record`)
const letter = passOn(mail, written, about, ['operator@site.example.org'])
signed(letter.content, { selector: 's', domain: 'example.org', privateKey: createPrivateKey(rsaKey) })

const disk = new NodeDisk()
await deliver(disk, root, 'operator', '1700000000.O1.aa', withReturnPath(letter.content, enclosed.from))
const [listed] = await listMail(disk, root)
assert.equal(listed?.id, 'operator/1700000000.O1.aa')
assert.ok((await showMail(disk, root, listed.id))?.length)
let exported = 0
for await (const bytes of exportMbox(disk, root)) exported += bytes.length
const drop = await Drop.open(disk, root, 'operator', new Map())
const [message] = drop.messages
assert.ok(message)
const read = await drop.read(message)
assert.ok(read)
assert.equal(read.length, message.bytes)
let sent = 0
for (const bytes of stuffed(read)) sent += bytes.length
let top = 0
for (const bytes of stuffed(topOf(read, 1_000_000))) top += bytes.length
console.log(JSON.stringify({ bytes: message.bytes, exported, sent, top }))
