import type { z } from 'zod'
import type { Caller } from '../ports/http.ts'
import type { Session, Token } from './door.ts'
import type { House } from './house.ts'

/**
 * Who may call a route. `anyone`: nothing of the device is told. `unclaimed`, `claimed`: only in that state, and without a login. `person`: with a session.
 * `machine`: with a session, or a token of this scope or a wider one.
 */
export type Access =
  | { kind: 'anyone' }
  | { kind: 'unclaimed' }
  | { kind: 'claimed' }
  | { kind: 'person' }
  | { kind: 'machine'; scope: 'alerts' | 'read' | 'all' }

export type Call<B, Q> = {
  house: House
  request: Request
  caller: Caller
  params: Readonly<Record<string, string>>
  query: Q
  body: B
  /** Missing: a token called, or nobody. */
  session?: Session
  /** The token that called. */
  token?: Token
  /** The source that a token stands for. */
  hook?: string
}

/** One entry of the table; what is in no entry is not served. `body` and `query` are what is accepted, and what /api/openapi.json says of it. */
export type Route<B = unknown, Q = unknown> = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: `/${string}`
  title: string
  access: Access
  body?: z.ZodType<B>
  /** The body is taken as it is: of any type, unparsed. */
  raw?: boolean
  query?: z.ZodType<Q>
  /** The page asks this by itself, again and again: that nobody uses it must not go unnoticed, so it does not prolong the session. */
  byItself?: true
  /** Octets of a body; 256 KiB when left out. */
  maxBytes?: number
  run(call: Call<B, Q>): Promise<Response> | Response
}

/** Keeps the types of one entry together, and lets it stand in a table with others. */
export const route = <B, Q>(entry: Route<B, Q>): Route => entry as unknown as Route

export const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(value), { status, headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers } })

export const nothing = (headers: Record<string, string> = {}): Response => new Response(null, { status: 204, headers })
