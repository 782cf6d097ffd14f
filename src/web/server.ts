import { Hono } from 'hono'
import type { z } from 'zod'
import { DiskError } from '../ports/disk.ts'
import type { Caller } from '../ports/http.ts'
import { sentence } from '../ports/log.ts'
import { StorageError } from '../queue/journal.ts'
import type { Assets } from './assets.ts'
import type { Scope, Session, Token } from './door.ts'
import { Fault } from './fault.ts'
import { cookieIn, hostIn, isOurs, isOwnPage } from './guard.ts'
import { Hooks } from './hooks.ts'
import type { House } from './house.ts'
import { portalAnswer } from './portal.ts'
import { type Access, json, type Route } from './route.ts'

/**
 * Server: one request after the door: is it meant for this box, does the route exist, may its caller use it, is what it says valid. What is in no table is not served.
 */
const bodyBytes = 256 * 1024

/** Scripts, styles and data from this box alone; nothing inline, no frames, no forms that lead elsewhere. */
const headers: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
}

/** What a caller proved to be. */
type Identity = { session?: Session; token?: Token; hook?: string }

export type Answerer = (request: Request, caller: Caller) => Promise<Response>

export function webServer(house: House, routes: readonly Route[], assets: Assets): Answerer {
  const app = new Hono<{ Bindings: { caller: Caller } }>()
  const hooks = new Hooks(house)
  for (const route of routes)
    app.on(route.method, route.path, (context) => {
      const { raw } = context.req
      const { caller } = context.env
      // What anyone may ask is answered whoever asks.
      const identity = route.access.kind === 'anyone' ? {} : identify(house, hooks, raw, caller, route.byItself !== true)
      return answer(house, route, raw, caller, context.req.param(), identity)
    })
  app.notFound((context) => {
    const { pathname } = new URL(context.req.url)
    if (context.req.method === 'GET' || context.req.method === 'HEAD') {
      const asset = assets.answer(pathname, context.req.raw.headers)
      if (asset) return asset
    }
    const known = routes.some((route) => new RegExp(`^${route.path.replaceAll(/:\w+(\{[^}]*\})?/g, '[^/]+')}$`).test(pathname))
    return known
      ? faultOf(new Fault(405, `${context.req.method} is not for ${pathname}.`, 'See /api/openapi.json for what is.'))
      : faultOf(new Fault(404, 'There is nothing here.', 'The page is at /, the interface is described at /api/openapi.json.'))
  })
  app.onError((error) => {
    if (error instanceof Fault) return faultOf(error)
    if (error instanceof DiskError || error instanceof StorageError) {
      house.ports.log('error', 'web: the disk refused', { why: sentence(error) })
      return faultOf(new Fault(507, `The disk refused this: ${sentence(error)}.`, error.hint))
    }
    house.ports.log('error', 'web: a fault in Outpost itself', { why: error.stack ?? sentence(error) })
    return faultOf(new Fault(500, 'This failed inside Outpost.', 'Look at the log; the gateway goes on.'))
  })
  return async (request, caller) => {
    const response = await received(house, app, request, caller)
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
    if (!response.headers.has('Cache-Control')) response.headers.set('Cache-Control', 'no-store')
    return response
  }
}

async function received(house: House, app: Hono<{ Bindings: { caller: Caller } }>, request: Request, caller: Caller): Promise<Response> {
  const portal =
    request.method === 'GET'
      ? portalAnswer(new URL(request.url).pathname, house.door.claimed, `http${caller.secure ? 's' : ''}://${caller.local}/`)
      : undefined
  if (portal) return portal
  if (!isOurs(hostIn(request.headers.get('host')), house.names))
    return faultOf(new Fault(421, 'This box does not go by that name.', 'Use its address, or add the name to web.hosts.'))
  return app.fetch(request, { caller })
}

async function answer(
  house: House,
  route: Route,
  request: Request,
  caller: Caller,
  params: Readonly<Record<string, string>>,
  identity: Identity,
): Promise<Response> {
  admit(house, route.access, identity)
  const writes = request.method !== 'GET' && request.method !== 'HEAD'
  const byCookie = identity.session !== undefined
  if (writes && !isOwnPage(request.headers, caller.secure, byCookie))
    throw new Fault(403, 'This did not come from the page of this box.', 'Use the page itself, or a token for machines.')
  const query = parsed(route.query, Object.fromEntries(new URL(request.url).searchParams), 'query')
  const body = writes ? await bodyOf(route, request, byCookie) : undefined
  const { session, token, hook } = identity
  const answered = await route.run({
    house,
    request,
    caller,
    params,
    query,
    body,
    ...(session ? { session } : {}),
    ...(token ? { token } : {}),
    ...(hook === undefined ? {} : { hook }),
  })
  // Hono answers HEAD with what GET would say and drops the body: a stream would stay open, and nobody would read it.
  if (request.method === 'HEAD') await answered.body?.cancel()
  return answered
}

/** The name of the cookie: over TLS one that no other host may set. */
export const cookieName = (secure: boolean): string => (secure ? '__Host-outpost' : 'outpost')

/** `used`: somebody does something just now. Throws Fault when the caller guessed too often. */
function identify(house: House, hooks: Hooks, request: Request, caller: Caller, used: boolean): Identity {
  const bearer = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (bearer !== undefined) {
    const token = house.door.token(bearer)
    if (token) return { token }
    const hook = hooks.sourceOf(bearer, caller.address)
    return hook === undefined ? {} : { hook }
  }
  const id = cookieIn(request.headers, cookieName(caller.secure))
  const session = id === undefined ? undefined : house.door.session(id, used)
  return session ? { session } : {}
}

const scopes: readonly Scope[] = ['alerts', 'read', 'all']

/** Throws Fault unless the caller may use the route. */
function admit(house: House, access: Access, { session, token, hook }: Identity): void {
  if (access.kind === 'anyone') return
  if (!house.door.claimed) {
    if (access.kind === 'unclaimed') return
    throw new Fault(403, 'This box has not been set up yet.', 'Open its page and claim it, with the code on its label or console.')
  }
  if (access.kind === 'unclaimed') throw new Fault(409, 'This box has been set up already.', 'Log in with its password.')
  if (access.kind === 'claimed' || session) return
  const scope = token?.scope ?? (hook === undefined ? undefined : 'alerts')
  if (!scope) throw new Fault(401, 'Nobody is logged in.', 'Log in, or send a token: Authorization: Bearer …')
  const suffices = access.kind === 'machine' && (scope === 'all' || (access.scope === scope && scopes.includes(scope)))
  if (!suffices) throw new Fault(403, 'This token is not for that.', 'Make one of a wider scope on the page, under Device.')
}

async function bodyOf(route: Route, request: Request, byCookie: boolean): Promise<unknown> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  const octets = await limited(request, route.maxBytes ?? bodyBytes)
  // A form of a foreign page can send text/plain, but neither JSON nor plain octets.
  const unforgeable = type === 'application/json' || (route.raw === true && type === 'application/octet-stream')
  if (!unforgeable && (byCookie || !route.raw) && (route.body || route.raw || octets.length > 0))
    throw new Fault(415, 'The body must be JSON.', 'Send Content-Type: application/json.')
  if (route.raw) return octets
  if (!route.body) return undefined
  return parsed(route.body, jsonOf(octets), 'body')
}

function jsonOf(octets: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString())
  } catch (error) {
    throw new Fault(400, `The body is not valid JSON: ${sentence(error).slice(0, 200)}.`, 'Look for a missing comma, quote or brace.')
  }
}

/** The octets of a body, read no further than the limit. */
async function limited(request: Request, limit: number): Promise<Uint8Array> {
  const tooLong = () => new Fault(413, `The body is longer than ${limit} octets.`, 'Send less at once.')
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw tooLong()
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of request.body ?? []) {
    bytes += piece.length
    if (bytes > limit) throw tooLong()
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function parsed<T>(schema: z.ZodType<T> | undefined, value: unknown, where: string): T | undefined {
  if (!schema) return undefined
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = issue?.path.map(String).join('.')
  throw new Fault(400, `The ${where} does not fit${path ? ` at ${path}` : ''}: ${issue?.message}.`, 'See /api/openapi.json for what does.')
}

function faultOf({ status, message, hint, headers: more }: Fault): Response {
  return json({ error: message, hint }, status, more)
}
