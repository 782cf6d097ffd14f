/**
 * Mbox: mails in one file, mboxrd: what in a mail looks like the line between two of them is quoted. Octet by octet, as in `alert/line-ends`.
 */
const gt = 0x3e
const lf = 0x0a
const from = Buffer.from('From ')

/** `mail`: with line ends of the system. `date`: as its header has it. */
export function asMbox(mail: Uint8Array, date: string): Uint8Array {
  const octets = Buffer.from(mail.buffer, mail.byteOffset, mail.length)
  return Buffer.concat([Buffer.from(`From MAILER-DAEMON ${date}\n`, 'latin1'), quoted(octets), Buffer.from('\n')])
}

function quoted(mail: Buffer): Buffer {
  let lines = 0
  for (const _ of fromLines(mail)) lines++
  const out = Buffer.allocUnsafe(mail.length + lines)
  let used = 0
  let done = 0
  for (const start of fromLines(mail)) {
    used += mail.copy(out, used, done, start)
    out[used++] = gt
    done = start
  }
  mail.copy(out, used, done)
  return out
}

/** Where a line begins with From and a space, or with that behind some `>`. */
function* fromLines(mail: Buffer): Generator<number> {
  for (let at = mail.indexOf(from); at >= 0; at = mail.indexOf(from, at + from.length)) {
    let start = at
    while (mail[start - 1] === gt) start--
    if (start === 0 || mail[start - 1] === lf) yield start
  }
}
