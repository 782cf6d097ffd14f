import assert from 'node:assert/strict'
import { NetError, type Wire } from '../../src/ports/net.ts'
import { tlsStories } from './net-tls.ts'
import { meet, type NetAbilities, type NetWorld, netError, octets, readText, storiesOf, text, timeoutMs } from './net-world.ts'

/** What every Net does. */
export function netContract(name: string, make: () => Promise<NetWorld>, abilities: NetAbilities): void {
  const on = storiesOf(name, make)
  tlsStories(on, abilities)

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
