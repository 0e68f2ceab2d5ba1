/** How tasks ask a node: a url and a row of the tables give a request. */
import { Value } from 'typebox/value'
import { type Dispatcher, request } from 'undici'
import { isErrorBody, Refusal, Unreachable } from '../src/protocol/errors.ts'
import type { Reply, Request, Row } from '../src/protocol/rpc.ts'

/** More than a node gives an operation: it should be the node that says why it took too long. */
const patienceMs = 15_000

/**
 * @throws Unreachable when no node answers there: refused, silent for `timeoutMs`, or something else that speaks HTTP
 * @throws Refusal what the node answered
 */
export const ask = async <R extends Row>(url: string, row: R, req: Request<R>, timeoutMs = patienceMs): Promise<Reply<R>> => {
  const fields: Readonly<Record<string, unknown>> = req
  const path = row.path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(fields[name])))
  const query = new URLSearchParams()
  for (const name of row.query) if (fields[name] !== undefined) query.set(name, String(fields[name]))
  const body = Object.fromEntries(row.body.map((name) => [name, fields[name]]))
  const { status, text } = await send(
    url,
    row.method,
    query.size > 0 ? `${path}?${query}` : path,
    row.body.length > 0 ? JSON.stringify(body) : undefined,
    timeoutMs,
  )
  const answer = parseJson(text)
  if (isErrorBody(answer)) {
    const { error, message, ...details } = answer
    throw new Refusal(error, message, details)
  }
  if (status !== row.status || !Value.Check(row.reply, answer))
    throw new Unreachable(url, 'something else than a node answers there')
  return answer as Reply<R>
}

export interface RawReply {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

/** One request as it is typed. @throws Unreachable */
export const send = async (
  url: string,
  method: string,
  path: string,
  json?: string,
  timeoutMs = patienceMs,
): Promise<RawReply> => {
  try {
    const { statusCode, headers, body } = await request(url + path, {
      method: method as Dispatcher.HttpMethod,
      ...(json === undefined ? {} : { body: json, headers: { 'content-type': 'application/json' } }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { status: statusCode, contentType: String(headers['content-type'] ?? ''), text: await body.text() }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const late = error.name === 'TimeoutError'
    throw new Unreachable(url, late ? `silent for ${timeoutMs / 1000} s` : error.message || 'refused', { cause: error })
  }
}

/** undefined when it is not JSON. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
