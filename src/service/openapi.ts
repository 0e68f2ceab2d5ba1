/** The table as an OpenAPI 3.1 document: TypeBox schemas are JSON Schema, which 3.1 takes as they are. */
import type { TSchema } from 'typebox'
import type { NodeApi } from '../node/api.ts'
import { clientApi } from '../protocol/client-api.ts'
import { channel, type Row } from '../protocol/rpc.ts'
import { ndjson } from './ndjson.ts'
import { part } from './routes.ts'
import { signatureHeader } from './signature.ts'

const json = (schema: object) => ({ content: { 'application/json': { schema } } })

/** What each line is, a schema of the body cannot say. */
const lines = { schema: { type: 'string' } }

const errorReply = {
  description: 'an error of the catalogue: what it is, and what to do',
  ...json({
    type: 'object',
    properties: { error: { type: 'string' }, message: { type: 'string' } },
    required: ['error', 'message'],
  }),
}

/** @param version of this package */
export const openApi = (api: NodeApi, version: string): object => {
  const paths: Record<string, Record<string, object>> = {}
  for (const [name, row] of Object.entries<Row>(api)) {
    const path = row.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operation(name, row) }
  }
  paths[channel.path] = { get: channelOperation }
  return {
    openapi: '3.1.0',
    info: { title: 'polychord', version, description: 'A distributed hash table that you can curl. Ask any node.' },
    tags: [
      { name: 'people', description: 'what people say to the network' },
      { name: 'peers', description: 'what nodes say to each other' },
    ],
    components: {
      securitySchemes: {
        secret: {
          type: 'apiKey',
          in: 'header',
          name: signatureHeader,
          description: 'only where the network has a secret: shows that the caller knows it; npm run task call signs',
        },
      },
    },
    paths,
  }
}

/** Where the network has no secret, nothing of it is needed. */
const signedOrOpen = { security: [{ secret: [] }, {}] }

const channelOperation = {
  operationId: 'channel',
  summary: `opens a channel, in which peers call each other: with Upgrade: ${channel.protocol}`,
  tags: ['peers'],
  ...signedOrOpen,
  responses: { 101: { description: 'from here on the connection is one of frames' }, default: errorReply },
}

/** What is said in the query of a body that is only bytes. */
const besideBytes: Readonly<Record<string, readonly string[]>> = { store: ['name', 'ttlSeconds'], storeNamed: ['ttlSeconds'] }

const operation = (name: string, row: Row): object => {
  const content = bodyContent(name, row)
  return {
    operationId: name,
    summary: row.summary,
    tags: [name in clientApi ? 'people' : 'peers'],
    ...(row.signed ? signedOrOpen : {}),
    parameters: [
      ...row.params.map((field) => parameter('path', row, field)),
      ...row.query.map((field) => parameter('query', row, field)),
      ...(besideBytes[name] ?? []).map((field) => parameter('query', row, field)),
    ],
    ...(content ? { requestBody: { required: true, content } } : {}),
    responses: {
      [row.status]: {
        description: 'done',
        content: { ...json(row.reply).content, ...(row.query.includes('raw') ? { '*/*': anyBytes } : {}) },
      },
      ...(row.query.includes('raw') ? { 304: { description: 'with raw: what If-None-Match says still holds' } } : {}),
      ...(name === 'store' ? { 200: { description: 'a line for each line', content: { [ndjson]: lines } } } : {}),
      default: errorReply,
    },
  }
}

const parameter = (where: 'path' | 'query', { request }: Row, name: string): object => {
  const schema = request.properties[name] as TSchema & { description?: string }
  const required = where === 'path' || (request.required ?? []).includes(name)
  return { in: where, name, required, schema, ...(schema.description ? { description: schema.description } : {}) }
}

/** A value as it is, under its content type. */
const anyBytes = { schema: { type: 'string', format: 'binary' } }

const bodyContent = (name: string, row: Row): object | undefined => {
  if (name === 'storeNamed') return { '*/*': anyBytes }
  if (row.body.length === 0) return undefined
  const body = { 'application/json': { schema: part(row, row.body) } }
  if (name !== 'store') return body
  const form = { schema: part(row, ['value', 'name', 'ttlSeconds']) }
  return { ...body, 'application/x-www-form-urlencoded': form, [ndjson]: lines, '*/*': anyBytes }
}
