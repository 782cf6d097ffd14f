import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Net, NetError, type NetStage, type TlsOptions, type Wire } from '../../src/ports/net.ts'

/** What a peer shows in its TLS handshake. All but the last three are signed by the authority `ca`. */
export type Showing = 'good' | 'expired' | 'not yet valid' | 'for another name' | 'self-signed' | 'by a stranger'

/** The other end of one connection, as the story plays it. */
export type PeerWire = {
  /** Everything that came, in clear or decrypted. */
  heard(): string
  say(octets: string | Uint8Array): void
  hangUp(): void
  reset(): void
  /** From now on the octets are a TLS handshake and what follows it. */
  secure(showing: Showing): void
  /** Octets that were said and that nobody has taken yet. */
  waiting(): number
  /** Whether the gateway hung up. */
  ended(): boolean
}

type Address = { host: string; port: number }

export type NetWorld = {
  net: Net
  /** The authority, as settings name it. */
  ca: string
  /** The name that good certificates bear. */
  name: string
  /** Listens, and plays every connection; with `showing`, TLS from the first octet. */
  peer(play: (wire: PeerWire) => void, showing?: Showing): Promise<Address>
  /** Nobody listens there. */
  refusing(): Promise<Address>
  /** Takes no connection and refuses none. */
  silent(): Promise<Address>
  /** A name for a socket in the file system. */
  path(): string
  pass(ms: number): Promise<void>
  done(): Promise<void>
}

export type NetAbilities = {
  /** Whether who sends is slowed down when nobody reads. */
  slowsDown: boolean
  /** Whether a TLS session is taken up again. */
  resumes: boolean
}

const timeoutMs = 5000
const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1'))
const octets = (words: string) => Buffer.from(words, 'latin1')
const netError = (stage: NetStage, ...codes: string[]) => {
  return (error: unknown) => {
    assert.ok(error instanceof NetError, `not a NetError: ${error}`)
    assert.equal(error.stage, stage, error.message)
    if (codes.length > 0) assert.ok(codes.includes(error.code), `code ${error.code}`)
    assert.ok(error.message.length > 10, 'it is told in words')
    return true
  }
}

/** As many octets as wanted, from as many reads as it takes. */
async function readText(wire: Wire, wanted: number): Promise<string> {
  let got = ''
  while (got.length < wanted) {
    const piece = text(await wire.read())
    assert.notEqual(piece, undefined, `the peer hung up after ${got.length} octets of ${wanted}`)
    got += piece
  }
  return got
}

/** What every Net does. */
export function netContract(name: string, make: () => Promise<NetWorld>, abilities: NetAbilities): void {
  const on = (what: string, story: (world: NetWorld, until: (what: string, so: () => boolean) => Promise<void>) => Promise<void>) =>
    test(`${name}: ${what}`, { timeout: 30_000 }, async () => {
      const world = await make()
      const until = async (awaited: string, so: () => boolean) => {
        for (let i = 0; i < 400 && !so(); i++) await world.pass(10)
        assert.ok(so(), awaited)
      }
      try {
        await story(world, until)
      } finally {
        await world.done()
      }
    })
  /** A connection with both its ends in hand. */
  const meet = async (world: NetWorld, showing?: Showing, tls?: TlsOptions): Promise<[Wire, PeerWire, Address]> => {
    const met = Promise.withResolvers<PeerWire>()
    const at = await world.peer(met.resolve, showing)
    const wire = await world.net.connect({ ...at, timeoutMs, ...(tls ? { tls } : {}) })
    return [wire, await met.promise, at]
  }

  on('octets go both ways, and the wire knows whom it leads to', async (world, until) => {
    const [wire, peer, at] = await meet(world)
    assert.equal(wire.peer, `${at.host}:${at.port}`)
    assert.equal(wire.tls, undefined)
    peer.say('220 relay\r\n')
    assert.equal(text(await wire.read()), '220 relay\r\n')
    await wire.write(octets('EHLO box\r\n'))
    await until('the peer hears it', () => peer.heard() === 'EHLO box\r\n')
    wire.close()
  })

  on('what comes before anybody reads is kept, in its order', async (world) => {
    const [wire, peer] = await meet(world)
    for (const word of ['one ', 'two ', 'three']) {
      peer.say(word)
      await world.pass(150)
    }
    assert.equal(await readText(wire, 13), 'one two three')
    wire.close()
  })

  on('an orderly end comes after the last octet, and stays the end', async (world) => {
    const [wire, peer] = await meet(world)
    peer.say('221 bye\r\n')
    peer.hangUp()
    assert.equal(await readText(wire, 9), '221 bye\r\n')
    assert.equal(await wire.read(), undefined)
    assert.equal(await wire.read(), undefined)
    wire.close()
  })

  on('a broken stream is no orderly end: reading and writing say so', async (world) => {
    const [wire, peer] = await meet(world)
    peer.say('250-')
    assert.equal(await readText(wire, 4), '250-')
    const reading = wire.read()
    peer.reset()
    await assert.rejects(reading, netError('stream'))
    await assert.rejects(wire.read(), netError('stream'))
    await assert.rejects(wire.write(octets('NOOP\r\n')), netError('stream'))
    wire.close()
  })

  on('closing ends a pending read, tells the peer, and may be said twice', async (world, until) => {
    const [wire, peer] = await meet(world)
    const reading = wire.read()
    wire.close()
    wire.close()
    assert.equal(await reading, undefined)
    assert.equal(await wire.read(), undefined)
    await assert.rejects(wire.write(octets('NOOP\r\n')), netError('stream'))
    await until('the peer is told', () => peer.ended())
  })

  on('what was written before closing still arrives', async (world, until) => {
    const [wire, peer] = await meet(world)
    const whole = `${'x'.repeat(100_000)}QUIT\r\n`
    void wire.write(octets(whole)).catch(() => {})
    wire.close()
    await until('all of it is heard', () => peer.ended())
    assert.equal(peer.heard().length, whole.length)
  })

  on('a second reader is a bug that is told; the first one is served', async (world) => {
    const [wire, peer] = await meet(world)
    const first = wire.read()
    await assert.rejects(wire.read(), (error) => error instanceof Error && !(error instanceof NetError))
    peer.say('250 ok\r\n')
    assert.equal(text(await first), '250 ok\r\n')
    peer.say('251 ok\r\n')
    assert.equal(text(await wire.read()), '251 ok\r\n')
    wire.close()
  })

  on(`much arrives whole, and who sends is ${abilities.slowsDown ? '' : 'not '}slowed down while nobody reads`, async (world) => {
    const piece = Buffer.alloc(64 * 1024, 'octets ')
    const pieces = 512
    const [wire, peer] = await meet(world)
    for (let i = 0; i < pieces; i++) peer.say(piece)
    await world.pass(500)
    // 32 MiB are more than the kernel keeps for one connection.
    assert.equal(peer.waiting() > 0, abilities.slowsDown, `${peer.waiting()} octets wait at the peer`)
    for (let got = 0; got < pieces * piece.length; )
      got += (await wire.read())?.length ?? assert.fail(`the end after ${got} octets of ${pieces * piece.length}`)
    assert.equal(peer.waiting(), 0)
    wire.close()
  })

  on('nobody there is a refusal to connect', async (world) => {
    const at = await world.refusing()
    await assert.rejects(world.net.connect({ ...at, timeoutMs }), netError('connect', 'ECONNREFUSED'))
  })

  on('a host that says nothing is given up in time', async (world) => {
    const at = await world.silent()
    await assert.rejects(world.net.connect({ ...at, timeoutMs: 300 }), netError('connect', 'ETIMEDOUT'))
  })

  on('a name that nobody bears is a fault of the name', async (world) => {
    const codes = ['ENOTFOUND', 'EAI_AGAIN']
    await assert.rejects(world.net.connect({ host: 'relay.invalid', port: 25, timeoutMs }), netError('dns', ...codes))
    await assert.rejects(world.net.resolve('relay.invalid', timeoutMs), netError('dns', ...codes))
    assert.notEqual((await world.net.resolve(world.name, timeoutMs)).length, 0)
    assert.deepEqual(await world.net.resolve('192.0.2.7', timeoutMs), ['192.0.2.7'])
  })

  on('TLS with a certificate of a named authority: encrypted both ways, and told whom with', async (world, until) => {
    const [wire, peer] = await meet(world, 'good', { serverName: world.name, ca: world.ca })
    assert.match(wire.tls?.protocol ?? '', /^TLSv1\.[23]$/)
    assert.equal(wire.tls?.certificate?.subject, world.name)
    assert.equal(wire.tls?.certificate?.issuer, 'Test CA')
    assert.ok(Date.parse(wire.tls?.certificate?.validTo ?? '') > Date.parse(wire.tls?.certificate?.validFrom ?? ''))
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
      assert.equal(wire.tls?.certificate?.subject, world.name)
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
    assert.equal(wire.tls?.certificate?.subject, world.name)
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

  on('a socket with a path: one stream a caller, both ways', async (world, until) => {
    const path = world.path()
    await assert.rejects(world.net.connectPath(path), netError('connect', 'ENOENT'))
    const wires: Wire[] = []
    const listener = await world.net.listenPath(path, (wire) => wires.push(wire))
    assert.equal(listener.address, path)
    const [one, other] = [await world.net.connectPath(path), await world.net.connectPath(path)]
    await one.write(octets('question'))
    await other.write(octets('QUESTION'))
    await until('both came', () => wires.length === 2)
    const heard = new Map<string, Wire>()
    for (const wire of wires) heard.set(await readText(wire, 8), wire)
    await heard.get('question')?.write(octets('answer'))
    heard.get('question')?.close()
    assert.equal(await readText(one, 6), 'answer')
    assert.equal(await one.read(), undefined)
    other.close()
    assert.equal(await heard.get('QUESTION')?.read(), undefined)
    for (const wire of [one, ...wires]) wire.close()
    await listener.close()
    await assert.rejects(world.net.connectPath(path), netError('connect'))
  })

  on(
    'a socket with a path ends although somebody is connected and says nothing, and not before an answer in the air',
    async (world, until) => {
      const path = world.path()
      const wires: Wire[] = []
      const listener = await world.net.listenPath(path, (wire) => wires.push(wire))
      const [idle, asking] = [await world.net.connectPath(path), await world.net.connectPath(path)]
      await asking.write(octets('question'))
      await until('both came', () => wires.length === 2)
      const closed = listener.close().then(() => 'closed')
      await world.pass(200)
      for (const wire of wires) await wire.write(octets('answer'))
      assert.equal(await readText(asking, 6), 'answer')
      assert.equal(await Promise.race([closed, world.pass(3000).then(() => 'still open')]), 'closed')
      assert.equal(await readText(idle, 6), 'answer')
      assert.equal(await idle.read(), undefined)
      for (const wire of [idle, asking]) wire.close()
    },
  )

  on('whoever listens on a path after somebody that died has it', async (world, until) => {
    const path = world.path()
    const dead = await world.net.listenPath(path, () => {})
    const wires: Wire[] = []
    const listener = await world.net.listenPath(path, (wire) => wires.push(wire))
    const wire = await world.net.connectPath(path)
    await until('the later one is asked', () => wires.length === 1)
    wire.close()
    await listener.close()
    await dead.close()
  })
}
