import assert from 'node:assert/strict'
import { scryptSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { hashPassword, isPassword } from '../../src/web/password.ts'
import { WebBox } from './box.ts'

const password = 'correct horse battery'
const salt = Buffer.from('0123456789abcdef')

test('password storage (CWE-916): scrypt with N = 2^15 (RFC 7914), a salt of its own each, and as long as was stored', async () => {
  const made = await hashPassword(password, salt)
  assert.equal(made.cost, 2 ** 15)
  assert.equal(made.hash, scryptSync(password, salt, 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 }).toString('base64'))
  assert.ok(await isPassword(password, made))
  for (const other of ['', `${password} `, password.slice(1), password.toUpperCase()]) assert.equal(await isPassword(other, made), false)
  const boxes = [await WebBox.claimed(), await WebBox.claimed()]
  const [one, two] = boxes.map((box) => box.household.device.data.access?.password)
  assert.ok(one && two && one.salt !== two.salt && one.hash !== two.hash, 'the same password of two boxes')
  assert.ok(Buffer.from(one.salt, 'base64').length >= 16)
})

test('weak passwords (CWE-521): eleven characters are too few, at the claim and later', async () => {
  const box = await WebBox.open()
  const code = box.household.door.claimCode
  assert.equal((await box.ask('POST', '/api/claim', { code, password: 'x'.repeat(11) })).status, 400)
  assert.equal(box.household.door.claimed, false)
  const claimed = await WebBox.claimed()
  assert.equal((await claimed.ask('PUT', '/api/password', { before: password, password: 'x'.repeat(11) })).status, 400)
  assert.equal((await claimed.ask('PUT', '/api/password', { before: password, password: 'x'.repeat(12) })).status, 204)
})

test('timing (CWE-208): no guess meets what it should be by ===, which takes longer the more is right', () => {
  const src = new URL('../../src/', import.meta.url).pathname
  const named = String.raw`\b(?:\w+\??\.)*(?:known|right|wanted)?(?:password|passphrase|secret|claim|claimCode|guess|token)`
  const comparison = new RegExp(
    `${named}\\s*[!=]==(?!\\s*(?:undefined|null|true|false|'))|(?<!typeof )\\b[\\w.?]+\\s*[!=]==\\s*${named}\\b(?!\\()`,
    'i',
  )
  for (const bad of ['if (password === known.password)', 'return given !== secret', 'token === one']) assert.match(bad, comparison)
  // What a provider answered, and what it was asked with.
  const known = [/answer\.refreshToken !== refreshToken/]
  const faults = (readdirSync(src, { recursive: true }) as string[])
    .filter((name) => /\.ts$/.test(name) && !name.startsWith('page/'))
    .flatMap((name) =>
      readFileSync(src + name, 'utf8')
        .split('\n')
        .flatMap((line, index) =>
          comparison.test(line) && !known.some((one) => one.test(line)) ? [`src/${name}:${index + 1}: ${line.trim()}`] : [],
        ),
    )
  assert.deepEqual(faults, [])
})
