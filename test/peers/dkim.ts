import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

/** What dkimpy (Debian's python3-dkim) says of each message; it looks the keys up at a name server on loopback. */
const program = `
import base64, json, sys
import dkim, dns.resolver
resolver = dns.resolver.Resolver(configure=False)
given = json.load(sys.stdin)
resolver.nameservers = ['127.0.0.1']
resolver.port = given['port']
def txt(name, timeout=5):
    try:
        return b''.join(list(resolver.resolve(name.decode().rstrip('.'), 'TXT', lifetime=timeout))[0].strings)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return b''
def verdict(octets):
    try:
        return dkim.DKIM(octets).verify(dnsfunc=txt)
    except Exception as error:
        return repr(error)
print(json.dumps([verdict(base64.b64decode(one)) for one in given['messages']]))
`

/** One interpreter for all messages. The name server lives in this process, so nobody waits for it idly. */
export async function dkimpy(port: number, messages: readonly Uint8Array[]): Promise<(boolean | string)[]> {
  const child = spawn('/usr/bin/python3', ['-c', program], { timeout: 30_000 })
  child.stdin.end(JSON.stringify({ port, messages: messages.map((one) => Buffer.from(one).toString('base64')) }))
  const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr)])
  assert.notEqual(said, '', complained)
  return JSON.parse(said)
}
