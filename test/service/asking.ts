/** One request as anyone may send it, and what a node has counted. */
import { request } from 'undici'
import { type Asked, signatureHeader } from '../../src/service/signature.ts'

interface Sent {
  readonly body?: string | undefined
  readonly signature?: string
}
export const send = async (url: string, { method, path }: Pick<Asked, 'method' | 'path'>, { body, signature }: Sent = {}) => {
  const {
    statusCode,
    headers,
    body: answer,
  } = await request(url + path, {
    method: method as 'GET',
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(signature === undefined ? {} : { [signatureHeader]: signature }),
    },
    ...(body === undefined ? {} : { body }),
  })
  return { status: statusCode, text: await answer.text(), signature: headers[signatureHeader]?.toString() }
}

/** A series as `/metrics` shows it; 0 when it does not. */
export const counted = async (node: { readonly url: string }, series: string): Promise<number> => {
  const { text } = await send(node.url, { method: 'GET', path: '/metrics' })
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')
      .at(-1) ?? 0,
  )
}
