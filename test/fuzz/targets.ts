import assert from 'node:assert/strict'
import { splitMail, textOf } from '../../src/alert/mime.ts'
import { SourceMemory } from '../../src/decode/memory.ts'
import { decode, decoders } from '../../src/decode/registry.ts'
import { answerIn } from '../../src/mail/answer.ts'
import { headFor, passOn } from '../../src/mail/pass-on.ts'
import { reportIn } from '../../src/mail/report.ts'
import { servePop3 } from '../../src/mailbox/pop3.ts'
import { instant } from '../../src/ports/clock.ts'
import { silent } from '../../src/ports/log.ts'
import { messageOf } from '../../src/ports/node/dns-message.ts'
import { PacketLengths } from '../../src/ports/node/packet-lengths.ts'
import { encodeRecord, headerBytes, recordTypes, scanSegment } from '../../src/queue/record.ts'
import { ReplyReader } from '../../src/relay/reply.ts'
import { conditionFault } from '../../src/rules/condition.ts'
import { isOpen, nextChange, parseHours } from '../../src/rules/hours.ts'
import { checkSettings } from '../../src/settings/check.ts'
import { effective } from '../../src/settings/schema.ts'
import { createFramer, type FrameOptions } from '../../src/source/frame.ts'
import { replyIn } from '../../src/source/modbus-frame.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'
import { WebBox } from '../web/box.ts'
import type { Target } from './fuzzer.ts'

/** What must hold for whatever comes in by each way: nothing is thrown, memory is bounded, and what is told is clean. */
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

const kinds = ['line', 'delimiter', 'idle', 'length', 'fixed', 'stx-etx', 'between', 'telegram', 'slip', 'cobs'] as const
const frames = kinds.map(
  (kind): Target => ({
    name: `frame-${kind}`,
    seeds: [
      'PUMP3 OVERTEMP\r\nPUMP3 OK\r\n',
      '\x02A1\x03\x02B2\x03',
      ':010300\r\n;',
      '/KFM5\r\n1-0:1.8.0(1)\r\n!ABCD\r\n',
      '\xc0\xdb\xdc\xc0',
      '\x03ab\x01\x00',
      '\x00\x02hi\x00\x05hello',
    ],
    run(bytes) {
      const options: FrameOptions = {
        kind,
        maxBytes: 64,
        ...(kind === 'fixed' ? { bytes: 8 } : {}),
        ...(kind === 'length' ? { lengthBytes: 2 } : {}),
      }
      const whole = createFramer(options)
      const piecemeal = createFramer(options)
      const got: Uint8Array[] = []
      for (const octet of bytes) got.push(...piecemeal.push(Uint8Array.of(octet)))
      const want = whole.push(bytes)
      assert.deepEqual(got.map(text), want.map(text), 'how octets are cut into reads must not matter')
      for (const frame of [...want, ...whole.idle()]) assert.ok(frame.length >= 1 && frame.length <= 64, `${frame.length}`)
    },
  }),
)

/** Newlines alone may stand in a text. */
const unclean = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

const decoding: Target[] = decoders.map(({ name }) => ({
  name: `decode-${name}`,
  seeds: decoders.flatMap(({ sample }) => (sample ? [sample.text] : [])),
  run(bytes) {
    const memory = new SourceMemory()
    for (const decoder of [name, 'auto'])
      for (const topic of [undefined, 'zigbee2mqtt/door', 'tele/pump/SENSOR']) {
        const found = decode(decoder, bytes, { memory, ...(topic === undefined ? {} : { topic }) })
        if (found.kind !== 'reading') assert.notEqual(found.why, '')
        else {
          const { text: said, key = '', unit = '', fields = {} } = found.reading
          assert.doesNotMatch(said, unclean)
          assert.notEqual(said.trim(), '')
          assert.doesNotMatch(`${key}${unit}${Object.keys(fields).join('')}`, /[\r\n\0]/)
        }
      }
  },
}))

const reply: Target = {
  name: 'smtp-reply',
  seeds: ['220 relay\r\n', '250-relay\r\n250-SIZE 100\r\n250 PIPELINING\r\n', '550 5.1.1 no such user\r\n', '334 \r\n', '250\r\n'],
  run(bytes) {
    const whole = new ReplyReader()
    whole.push(bytes)
    for (let left = bytes.length + 1; left > 0; left--) {
      const next = whole.next()
      if (next === undefined || typeof next === 'string') return
      assert.ok(next.code >= 200 && next.code <= 599)
      assert.doesNotMatch(next.text.replaceAll('\n', ''), /[\u0000-\u001f\u007f]/)
    }
    assert.fail('more replies than octets')
  },
}

const record = (id: number, body: string, generation = 1): Uint8Array =>
  encodeRecord({ type: recordTypes.alert, flags: 0, id, body: Buffer.from(body) }, generation, 0)

const segment: Target = {
  name: 'journal-segment',
  seeds: [
    record(1, '{"text":"a"}'),
    Buffer.concat([record(1, '{}'), record(2, '{}'), new Uint8Array(100)]),
    Buffer.concat([record(7, 'x', 2), record(1, 'old')]),
  ],
  run(bytes) {
    const scan = scanSegment(bytes)
    let at = 0
    for (const found of scan?.records ?? []) {
      assert.ok(found.offset >= at && found.offset + found.bytes <= bytes.length)
      assert.equal(found.body.length + headerBytes, found.bytes)
      at = found.offset + found.bytes
    }
  },
}

const settings: Target = {
  name: 'settings',
  seeds: [
    '{}',
    '{"site":{"name":"x"},"sources":[{"id":"plc","kind":"serial","path":"/dev/ttyUSB0","frame":{"kind":"line"}}]}',
    '{"people":[{"id":"ops","name":"O","address":"ops@example.org","hours":"Mon-Fri 18:00-06:00"}],"rules":[{"id":"a","when":{"field":"value > 80"},"to":["ops"],"limit":"20/h"}]}',
    '{"relays":[{"id":"isp","host":"smtp.example.org","port":587,"security":"starttls","auth":{"kind":"none"}}],"delivery":{"route":"mx"}}',
  ],
  run(bytes) {
    const { settings: good, findings } = checkSettings(Buffer.from(bytes).toString())
    if (good) effective(good)
    else assert.ok(findings.length > 0)
    for (const { what, write } of findings) assert.ok(what.length > 0 && write.length > 0)
  },
}

const mail: Target = {
  name: 'mail',
  seeds: [
    'From: ups@lan\r\nSubject: On battery\r\n\r\nPower failed.\r\n',
    'From: a@lan\r\nSubject: =?utf-8?B?w7w=?=\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=C3=BC</p>\r\n--b--\r\n',
    'Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--x--\r\n',
    'From: ops@example.org\r\nSubject: Re: x [#o12-k3f9q2ab]\r\nMessage-ID: <1@x>\r\n\r\nSILENCE 2h\r\n',
  ],
  run(bytes) {
    const whole = text(bytes)
    textOf(splitMail(whole))
    reportIn(whole)
    answerIn(whole)
    const content = Buffer.from(whole.replace(/\r\n|\r|\n/g, '\r\n'), 'latin1')
    const about = {
      id: 1,
      deviceId: '00000000000000aa',
      site: { name: 'x', domain: 'x.example', timeZone: 'UTC' },
      software: 'Outpost',
      from: { address: 'x@x.example' },
      when: { at: instant(0), certainty: 'exact' as const },
      sender: 'own' as const,
    }
    const head = headFor({ file: '', bytes: 0, crc: 0, from: '', by: '192.0.2.1', with: 'SMTP' }, content, about)
    assert.equal(text(head).split('\r\n\r\n').length, 2, 'a header ends once')
    passOn(content, head, about, [])
  },
}

const wires: Target[] = [
  {
    name: 'dns-message',
    seeds: [Buffer.from('000081800001000100000000076578616d706c65036f726700000f0001c00c000f0001000000010009000a046d61696cc00c', 'hex')],
    run: (bytes) => void messageOf(bytes),
  },
  {
    name: 'modbus-reply',
    seeds: [Buffer.from('010302012cb809', 'hex'), Buffer.from('018302c0f1', 'hex')],
    run: (bytes) => void replyIn(bytes, { server: 1, table: 'holding', address: 0, count: 1 }),
  },
  {
    name: 'mqtt-lengths',
    seeds: [Buffer.from('100c00044d5154540402003c0000', 'hex'), Buffer.from('3005000161ff', 'hex')],
    run(bytes) {
      const whole = new PacketLengths(1000)
      const piecemeal = new PacketLengths(1000)
      assert.equal(
        bytes.every((octet) => piecemeal.allow(Uint8Array.of(octet))),
        whole.allow(bytes),
      )
    },
  },
]

const words: Target = {
  name: 'rule-words',
  seeds: ['value > 80', 'fields.temperature <= -3.5', 'Mon-Fri 18:00-06:00, Sat-Sun', 'state == "open"', '00:00-24:00'],
  run(bytes) {
    const said = text(bytes)
    conditionFault(said)
    const hours = parseHours(said)
    if (typeof hours === 'string') return assert.notEqual(hours, '')
    isOpen(hours, instant(1_795_000_000_000), 'Europe/Berlin', [])
    nextChange(hours, instant(1_795_000_000_000), 'Europe/Berlin', [])
  },
}

const pop3: Target = {
  name: 'pop3',
  seeds: [
    'CAPA\r\nUSER operator\r\nPASS secret\r\nSTAT\r\nLIST\r\nTOP 1 0\r\nUIDL\r\nDELE 1\r\nQUIT\r\n',
    'AUTH PLAIN AG9wZXJhdG9yAHNlY3JldA==\r\nRETR 1\r\nRSET\r\nNOOP\r\n',
    'STLS\r\n',
  ],
  async run(bytes) {
    const timeline = new Timeline()
    const said: string[] = []
    let left: Uint8Array | undefined = bytes
    const serving = servePop3(
      {
        address: '127.0.0.1',
        secure: false,
        read: async () => {
          const now = left
          left = undefined
          return now
        },
        write: async (octets: Uint8Array) => void said.push(text(octets)),
        startTls: async () => {},
        welcome: () => {},
        close: () => {},
      } as unknown as Parameters<typeof servePop3>[0],
      {
        clock: new SimClock(timeline, 'boot'),
        log: silent,
        key: { key: '', cert: '' },
        passwordOf: (user) => (user === 'operator' ? 'secret' : undefined),
        open: async () => undefined,
        guesses: { waitMs: () => 0, failed: () => {}, passed: () => {} },
      },
    )
    await timeline.run(timeline.now + 3_600_000)
    await serving
    for (const line of said.join('').split('\r\n').slice(0, -1)) assert.doesNotMatch(line, /[\u0000-\u0008\u000a-\u001f]/)
  },
}

let box: Promise<WebBox> | undefined
const http: Target = {
  name: 'http-bodies',
  seeds: [
    '{"text":"Door open","severity":"critical"}',
    '{"code":"x","password":"correct horse battery"}',
    '{"match":{"source":"a"},"ms":60000,"by":"me"}',
    '{"settings":{}}',
    '[]',
    '"x"',
    '1',
  ],
  async run(bytes) {
    box ??= WebBox.claimed()
    const { routes } = await box
    const bodies = routes.filter(
      ({ method, path }) => method !== 'GET' && !/restart|reset|logout|listen|\/api\/(claim|login|password|probe|doctor)/.test(path),
    )
    for (const { method, path } of bodies) {
      const answer = await (await box).raw(method, path.replaceAll(/:\w+/g, '1').replace(/\?.*$/, ''), Buffer.from(bytes).toString(), {
        host: '192.0.2.7:8080',
        'content-type': 'application/json',
      })
      assert.ok(answer.status < 500, `${method} ${path}: ${answer.status} ${await answer.text()}`)
    }
  },
}

export const targets: readonly Target[] = [...frames, ...decoding, reply, segment, settings, mail, ...wires, words, pop3, http]
