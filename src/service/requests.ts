/** What is wrong with a request before its body is read: what would be taken for something else than was meant. */
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../protocol/errors.ts'
import { decoded } from './text.ts'

export const faultOf = (request: FastifyRequest): Refusal | undefined => queryRefusal(request.url) ?? headerRefusal(request)

/** Headers of a write that say what it must not be done without. */
const conditions = ['if-match', 'if-none-match', 'if-unmodified-since'] as const

/** What is compressed would be stored as it is, and nobody told that it has to be unpacked; a condition would not be looked at, nor what a part is a part of. */
const headerRefusal = ({ headers, method }: FastifyRequest): Refusal | undefined => {
  const condition = method === 'GET' || method === 'HEAD' ? undefined : conditions.find((name) => headers[name] !== undefined)
  if (condition !== undefined)
    return new Refusal('BAD_REQUEST', `nothing is written on a condition here; the last write wins: leave out ${condition}`)
  if (headers['content-range'] !== undefined)
    return new Refusal('BAD_REQUEST', 'a value is stored whole, not a part of it: send all of it, without content-range')
  const { 'content-encoding': content = 'identity', 'transfer-encoding': transfer = 'chunked' } = headers
  const encoding = [content, transfer].find((one) => !['identity', 'chunked'].includes(one.toLowerCase()))
  return encoding === undefined
    ? undefined
    : new Refusal('UNSUPPORTED_MEDIA', `bodies are taken as they are: send it uncompressed, not as ${encoding}`)
}

/** A query that is half read would ask for something else than was meant. */
const queryRefusal = (url: string): Refusal | undefined =>
  !url.includes('%') || decoded(url.slice(url.indexOf('?') + 1)) !== undefined
    ? undefined
    : new Refusal('BAD_REQUEST', 'the query has an escape that is no UTF-8; a percent sign itself is written %25')
