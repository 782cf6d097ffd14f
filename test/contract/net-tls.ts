import assert from 'node:assert/strict'
import type { Wire } from '../../src/ports/net.ts'
import { meet, type NetAbilities, netError, type On, octets, type PeerWire, readText, type Showing, timeoutMs } from './net-world.ts'

/** What every Net does in TLS, from the first octet or after STARTTLS. */
export function tlsStories(on: On, abilities: NetAbilities): void {
  on('TLS with a certificate of a named authority: encrypted both ways, and told whom with', async (world, until) => {
    const [wire, peer] = await meet(world, 'good', { serverName: world.name, ca: world.ca })
    assert.match(wire.tls?.protocol ?? '', /^TLSv1\.[23]$/)
    assert.equal(wire.tls?.chain[0]?.subject, world.name)
    assert.equal(wire.tls?.chain[0]?.issuer, 'Test CA')
    assert.ok((wire.tls?.chain[0]?.validTo ?? 0) > (wire.tls?.chain[0]?.validFrom ?? 0))
    peer.say('220 relay\r\n')
    assert.equal(await readText(wire, 11), '220 relay\r\n')
    await wire.write(octets('EHLO box\r\n'))
    await until('the peer hears it', () => peer.heard() === 'EHLO box\r\n')
    peer.hangUp()
    assert.equal(await wire.read(), undefined)
    wire.close()
  })

  on('TLS with an address instead of a name', async (world) => {
    const [wire] = await meet(world, 'good', { serverName: '127.0.0.1', ca: world.ca })
    assert.ok(wire.tls)
    wire.close()
  })

  const untrusted: [Showing, string][] = [
    ['for another name', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['self-signed', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['by a stranger', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['expired', 'CERT_HAS_EXPIRED'],
    ['not yet valid', 'CERT_NOT_YET_VALID'],
  ]
  for (const [showing, code] of untrusted)
    on(`a certificate ${showing} is not trusted, from the first octet or after STARTTLS`, async (world, until) => {
      const tls = { serverName: world.name, ca: world.ca }
      const heard: PeerWire[] = []
      const at = await world.peer((peer) => heard.push(peer), showing)
      await assert.rejects(world.net.connect({ ...at, timeoutMs, tls }), netError('tls', code))
      const [wire, peer] = await meet(world)
      peer.secure(showing)
      await assert.rejects(wire.startTls(tls, timeoutMs), netError('tls', code))
      assert.equal(wire.tls, undefined)
      assert.equal(await wire.read(), undefined)
      await assert.rejects(wire.write(octets('AUTH PLAIN AGEAYg==\r\n')), netError('stream'))
      await until('the peer is told', () => peer.ended())
      assert.equal(peer.heard(), '')
      for (const one of heard) assert.equal(one.heard(), '')
    })

  on('an authority is trusted only where it is named, also when the same peer was trusted before', async (world) => {
    const at = await world.peer((peer) => peer.say('220 relay\r\n'), 'good')
    for (let i = 0; i < 2; i++) {
      const wire = await world.net.connect({ ...at, timeoutMs, tls: { serverName: world.name, ca: world.ca } })
      // The ticket for taking a session up comes with the first octets.
      await readText(wire, 11)
      assert.equal(wire.tls?.resumed, i > 0 && abilities.resumes)
      assert.equal(wire.tls?.chain[0]?.subject, world.name)
      wire.close()
    }
    const without = world.net.connect({ ...at, timeoutMs, tls: { serverName: world.name } })
    await assert.rejects(without, netError('tls', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'))
  })

  on('STARTTLS: in clear before, encrypted after', async (world, until) => {
    const [wire, peer] = await meet(world)
    peer.say('220 go\r\n')
    assert.equal(await readText(wire, 8), '220 go\r\n')
    peer.secure('good')
    await wire.startTls({ serverName: world.name, ca: world.ca }, timeoutMs)
    assert.equal(wire.tls?.chain[0]?.subject, world.name)
    await wire.write(octets('EHLO box\r\n'))
    await until('the peer hears it', () => peer.heard() === 'EHLO box\r\n')
    peer.say('250 relay\r\n')
    assert.equal(await readText(wire, 11), '250 relay\r\n')
    const reading = wire.read()
    peer.reset()
    await assert.rejects(reading, netError('stream'))
    wire.close()
  })

  on('octets that came before the handshake are not taken for encrypted ones', async (world) => {
    const [wire, peer] = await meet(world)
    peer.say('220 go\r\n')
    assert.equal(await readText(wire, 8), '220 go\r\n')
    peer.say('250-AUTH PLAIN\r\n')
    await world.pass(200)
    peer.secure('good')
    await assert.rejects(wire.startTls({ serverName: world.name, ca: world.ca }, timeoutMs), netError('tls', 'EPLAINTEXT'))
    assert.equal(wire.tls, undefined)
    wire.close()
  })

  on('a peer that does not speak TLS, hangs up, or says nothing fails the handshake in time', async (world) => {
    const tls = { serverName: world.name, ca: world.ca }
    const plain = await world.peer((peer) => peer.say('220 relay.example.org ESMTP\r\n'))
    await assert.rejects(world.net.connect({ ...plain, timeoutMs, tls }), netError('tls'))
    const rude = await world.peer((peer) => void world.pass(100).then(() => peer.hangUp()))
    await assert.rejects(world.net.connect({ ...rude, timeoutMs, tls }), netError('tls', 'ECONNRESET'))
    const broken = await world.peer((peer) => void world.pass(100).then(() => peer.reset()))
    await assert.rejects(world.net.connect({ ...broken, timeoutMs, tls }), netError('tls', 'ECONNRESET'))
    const mute = await world.peer(() => {})
    await assert.rejects(world.net.connect({ ...mute, timeoutMs: 1200, tls }), netError('tls', 'ETIMEDOUT'))
  })

  on('STARTTLS on a stream that has ended, broken or been closed fails', async (world) => {
    const tls = { serverName: world.name, ca: world.ca }
    for (const end of [
      (_: Wire, peer: PeerWire) => peer.hangUp(),
      (_: Wire, peer: PeerWire) => peer.reset(),
      (wire: Wire) => wire.close(),
    ]) {
      const [wire, peer] = await meet(world)
      end(wire, peer)
      await world.pass(200)
      await assert.rejects(wire.startTls(tls, 1200), netError('tls'))
      wire.close()
    }
  })
}
