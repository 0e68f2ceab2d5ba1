/** A row as HTTP: what a request of it looks like, and what an answer to it means. */
import type { ValidateFunction } from 'ajv'
import { errorFromPeer, errorStatus, isErrorBody, type Refusal, Unreachable } from '../protocol/errors.ts'
import type { Row } from '../protocol/rpc.ts'
import { parseText } from './json.ts'

/** A row, and the check of its replies. */
export interface Wire {
  readonly name: string
  readonly row: Row
  readonly valid: ValidateFunction
}

type Fields = Readonly<Record<string, unknown>>

/** `'/get/2cf24d…?index=v%3A2cf24d…'` */
export const pathOf = ({ path, params, query }: Row, request: object): string => {
  const fields = request as Fields
  let filled = path
  for (const name of params) filled = filled.replace(`:${name}`, encodeURIComponent(String(fields[name])))
  let sign = '?'
  for (const name of query) {
    if (fields[name] === undefined) continue
    filled += `${sign}${name}=${encodeURIComponent(String(fields[name]))}`
    sign = '&'
  }
  return filled
}

/** The JSON that travels beside the path; undefined for a row without. */
export const bodyOf = ({ params, body }: Row, request: object): string | undefined => {
  if (body.length === 0) return undefined
  if (params.length === 0) return JSON.stringify(request)
  const rest: Record<string, unknown> = { ...request }
  for (const name of params) delete rest[name]
  return JSON.stringify(rest)
}

/** What is taken here may be told to others, who take nothing that they could not write again. @throws Unreachable */
export const parse = (url: string, status: number, text: string): unknown => {
  try {
    return parseText(text, 'the answer')
  } catch (error) {
    throw new Unreachable(url, `status ${status} with a body that is not JSON in UTF-8`, { cause: error })
  }
}

/** The reply of the peer at `url`. @throws Unreachable, Refusal */
export const replyIn = (url: string, { name, row, valid }: Wire, status: unknown, body: unknown): unknown => {
  if (status !== row.status) throw errorIn(url, status, body, row.status)
  if (!valid(body)) {
    const [error] = valid.errors ?? []
    throw new Unreachable(url, `a reply to ${name} that is none: ${error?.instancePath || 'it'} ${error?.message}`)
  }
  return body
}

/** What an answer with another status than the `expected` one means. */
const errorIn = (url: string, status: unknown, body: unknown, expected: number): Refusal | Unreachable =>
  isErrorBody(body) && errorStatus[body.error] === status
    ? errorFromPeer(url, body)
    : new Unreachable(url, `status ${typeof status === 'number' ? status : 'of no number'} where ${expected} was expected`)
