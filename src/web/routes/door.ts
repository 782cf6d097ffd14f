import { z } from 'zod'
import { isDiskError } from '../../ports/disk.ts'
import { sentence } from '../../ports/log.ts'
import { passwordChars } from '../door.ts'
import { Fault } from '../fault.ts'
import type { House } from '../house.ts'
import { json, nothing, route } from '../route.ts'
import { cookieName } from '../server.ts'

/** Claim, login, sessions and tokens. */
const password = z.string().min(passwordChars, `Write at least ${passwordChars} characters.`).max(200)
const guess = z.string().max(200)

const cookie = (id: string, secure: boolean): Record<string, string> => ({
  'Set-Cookie': `${cookieName(secure)}=${id}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}${id === '' ? '; Max-Age=0' : ''}`,
})

const claim = route({
  method: 'POST',
  path: '/api/claim',
  title: 'Sets the first password, with the claim code of the console or the label',
  access: { kind: 'unclaimed' },
  body: z.strictObject({ code: guess, password }),
  run: async ({ house, body, caller }) => nothing(cookie(await house.door.claim(body.code, body.password, caller.address), caller.secure)),
})

const login = route({
  method: 'POST',
  path: '/api/login',
  title: 'Begins a session; its cookie ends after half an hour without use',
  access: { kind: 'claimed' },
  body: z.strictObject({ password: guess }),
  run: async ({ house, body, caller }) => nothing(cookie(await house.door.login(body.password, caller.address), caller.secure)),
})

/** Who leaves has left, whatever the disk says. */
const notKept = (house: House) => (error: unknown) => {
  if (!isDiskError(error)) throw error
  house.ports.log('warning', 'web: a session ended, and the disk could not be told; it may live again after a restart', {
    why: sentence(error),
  })
}

const logout = route({
  method: 'POST',
  path: '/api/logout',
  title: 'Ends this session, or all of them',
  access: { kind: 'person' },
  body: z.strictObject({ all: z.boolean().default(false) }),
  run: async ({ house, body, session, caller }) => {
    await house.door.leave((one) => body.all || one.hash === session?.hash).catch(notKept(house))
    return nothing(cookie('', caller.secure))
  },
})

const change = route({
  method: 'PUT',
  path: '/api/password',
  title: 'Changes the password, and ends all other sessions',
  access: { kind: 'person' },
  body: z.strictObject({ before: guess, password }),
  run: async ({ house, body, session, caller }) => {
    if (session) await house.door.changePassword(body.before, body.password, session, caller.address)
    return nothing()
  },
})

const sessions = route({
  method: 'GET',
  path: '/api/sessions',
  title: 'Who is logged in, and from where',
  access: { kind: 'person' },
  run: ({ house, session }) =>
    json(house.door.sessions.map(({ hash, from, at }) => ({ id: hash.slice(0, 8), from, at, own: hash === session?.hash }))),
})

const tokens = route({
  method: 'GET',
  path: '/api/tokens',
  title: 'Tokens of machines, without their values',
  access: { kind: 'person' },
  run: ({ house }) => json(house.door.tokens.map(({ id, name, scope }) => ({ id, name, scope }))),
})

const addToken = route({
  method: 'POST',
  path: '/api/tokens',
  title: 'Makes a token; its value is told only here',
  access: { kind: 'person' },
  body: z.strictObject({
    name: z.string().regex(/^[^\p{Cc}]{1,40}$/u, 'Write a name of 1 to 40 characters.'),
    scope: z.enum(['alerts', 'read', 'all']),
  }),
  run: async ({ house, body }) => json(await house.door.addToken(body.name, body.scope), 201),
})

const removeToken = route({
  method: 'DELETE',
  path: '/api/tokens/:id',
  title: 'Takes a token away',
  access: { kind: 'person' },
  run: async ({ house, params }) => {
    if (!(await house.door.removeToken(params.id ?? ''))) throw new Fault(404, 'There is no such token.', 'See /api/tokens.')
    return nothing()
  },
})

export const doorRoutes = [claim, login, logout, change, sessions, tokens, addToken, removeToken]
