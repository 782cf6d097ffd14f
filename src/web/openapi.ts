import { z } from 'zod'
import type { Route } from './route.ts'

/** OpenAPI 3.1 of the table of routes, from the schemas that validate it. */
export function openApiOf(routes: readonly Route[], software: string): unknown {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    const item = paths[path] ?? {}
    paths[path] = item
    item[route.method.toLowerCase()] = operationOf(route)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Outpost',
      version: software.replace(/^\D*/, '') || '0',
      description: 'What a box answers to its page and to machines.',
    },
    components: {
      securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: 'outpost' }, token: { type: 'http', scheme: 'bearer' } },
    },
    paths,
  }
}

const fault = {
  type: 'object',
  properties: { error: { type: 'string' }, hint: { type: 'string' } },
  required: ['error', 'hint'],
}

function operationOf({ path, title, access, body, query, raw }: Route): unknown {
  const parameters = [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...queryParameters(query),
  ]
  const content = raw
    ? { 'application/json': { schema: {} }, 'text/plain': { schema: { type: 'string' } } }
    : body && { 'application/json': { schema: z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' }) } }
  return {
    summary: title,
    ...(access.kind === 'machine' ? { description: `A session, or a token of scope ${access.scope}.` } : {}),
    security: access.kind === 'machine' ? [{ session: [] }, { token: [] }] : access.kind === 'person' ? [{ session: [] }] : [],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(content ? { requestBody: { required: true, content } } : {}),
    responses: {
      default: { description: 'The answer is no: what is wrong, and what to do.', content: { 'application/json': { schema: fault } } },
    },
  }
}

function queryParameters(query: Route['query']): unknown[] {
  if (!query) return []
  const { properties = {} } = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' })
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}
