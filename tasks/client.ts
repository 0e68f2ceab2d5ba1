/** How tasks ask a node: a url and a row of the tables give a request. */
import { Compile } from 'typebox/compile'
import { Format } from 'typebox/format'
import { type Dispatcher, errors, request } from 'undici'
import { isErrorBody, Refusal, Unreachable } from '../src/protocol/errors.ts'
import type { Reply, Request, Row } from '../src/protocol/rpc.ts'
import { isIdBits, isOrigin } from '../src/protocol/schemas.ts'
import { jsonIn } from '../src/protocol/utf8.ts'
import { signatureHeader, type SignedCall } from '../src/service/signature.ts'
import { isId } from '../src/space/id.ts'
import { harmless } from './render/text.ts'

Format.Set('id', (text) => isIdBits(4 * text.length) && isId(text, 4 * text.length))
Format.Set('origin', isOrigin)

/** More than a node gives an operation: it should be the node that says why it took too long. */
const patienceMs = 15_000

/** Signs a call for the node that it goes to. */
export type Sign = (method: string, path: string, body: string | undefined) => SignedCall

/**
 * @param sign where the row needs it and the network has a secret
 * @throws Unreachable when no node answers there: refused, silent for `timeoutMs`, or something else that speaks HTTP
 * @throws Refusal what the node answered
 */
export const ask = async <R extends Row>(
  url: string,
  row: R,
  req: Request<R>,
  timeoutMs = patienceMs,
  sign?: Sign,
): Promise<Reply<R>> => {
  const fields: Readonly<Record<string, unknown>> = req
  const path = row.path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(fields[name])))
  const query = new URLSearchParams()
  for (const name of row.query) if (fields[name] !== undefined) query.set(name, String(fields[name]))
  const target = query.size > 0 ? `${path}?${query}` : path
  const json = JSON.stringify(Object.fromEntries(row.body.map((name) => [name, fields[name]])))
  const body = row.body.length > 0 ? jsonBody(json) : undefined
  const { status, text } = await send(url, row.method, target, body, timeoutMs, sign)
  const answer = readAnswer(row, text)
  if (answer instanceof Refusal) throw answer
  if (answer === undefined || status !== row.status) throw strange(url)
  return answer.reply
}

/** The reply; undefined where nobody answers, or refuses to. */
export const orUndefined = async <T>(reply: Promise<T>): Promise<T | undefined> => {
  try {
    return await reply
  } catch (error) {
    if (error instanceof Unreachable || error instanceof Refusal) return undefined
    throw error
  }
}

/**
 * Many requests in one, a line each (NDJSON), and what was answered to each, in the same order.
 * @throws Unreachable, Refusal as `ask`, where nothing can be said of any of them
 */
export const askLines = async <R extends Row>(
  url: string,
  row: R,
  requests: readonly Request<R>[],
  timeoutMs: number,
): Promise<({ readonly reply: Reply<R> } | Refusal)[]> => {
  const body = { type: 'application/x-ndjson', text: requests.map((one) => `${JSON.stringify(one)}\n`).join('') }
  const { status, text } = await send(url, row.method, row.path, body, timeoutMs)
  if (status !== 200) {
    const refusal = readAnswer(row, text)
    throw refusal instanceof Refusal ? refusal : strange(url)
  }
  const answers = []
  for (const line of text.split('\n').filter(Boolean)) {
    const answer = readAnswer(row, line)
    if (answer === undefined) throw strange(url)
    answers.push(answer)
  }
  if (answers.length !== requests.length) throw strange(url)
  return answers
}

/** What a text says: a reply of this row, an error, or, undefined, neither. */
const readAnswer = <R extends Row>(row: R, text: string): { readonly reply: Reply<R> } | Refusal | undefined => {
  const answer = jsonIn(text)
  if (!isErrorBody(answer)) return isReply(row, answer) ? { reply: answer } : undefined
  const { error, message, ...details } = answer
  return new Refusal(error, harmless(message), details)
}

const strange = (url: string) => new Unreachable(url, 'something else than a node answers there')

/** The check of each row that was asked, compiled: whole pages of content pass through it. */
const checks = new Map<Row, { Check(answer: unknown): boolean }>()

const isReply = <R extends Row>(row: R, answer: unknown): answer is Reply<R> => {
  const check = checks.get(row) ?? Compile(row.reply)
  checks.set(row, check)
  return check.Check(answer)
}

export interface RawReply {
  readonly status: number
  readonly contentType: string
  readonly text: string
  /** Of an answer to a signed call. */
  readonly signature: string | undefined
}

/** The body of a request, and its content type. */
export interface Body {
  readonly type: string
  readonly text: string
}

export const jsonBody = (text: string): Body => ({ type: 'application/json', text })

/** One request as it is typed. @throws Unreachable */
export const send = async (
  url: string,
  method: string,
  path: string,
  body?: Body,
  timeoutMs = patienceMs,
  sign?: Sign,
): Promise<RawReply> => {
  const type = body === undefined ? {} : { 'content-type': body.type }
  // As it is sent: what is no plain letter of a url is escaped there.
  const to = new URL(url + path)
  const signature = sign ? { [signatureHeader]: sign(method, to.pathname + to.search, body?.text).header } : {}
  try {
    const {
      statusCode,
      headers,
      body: answer,
    } = await request(to, {
      method: method as Dispatcher.HttpMethod,
      headers: { ...type, ...signature },
      ...(body === undefined ? {} : { body: body.text }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    return {
      status: statusCode,
      contentType: String(headers['content-type'] ?? ''),
      signature: headers[signatureHeader]?.toString(),
      text: await answer.text(),
    }
  } catch (error) {
    if (!(error instanceof Error) || error instanceof errors.InvalidArgumentError) throw error
    const late = error.name === 'TimeoutError'
    throw new Unreachable(url, late ? `silent for ${timeoutMs / 1000} s` : error.message || 'refused', { cause: error })
  }
}
