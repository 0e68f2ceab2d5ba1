/**
 * JSON as this service reads it: UTF-8 that is UTF-8, and texts that can be written as UTF-8 again.
 *
 * `JSON.parse` never sets a prototype: a `__proto__` in a body becomes a field, and every schema here refuses fields that
 * it does not know.
 */
import { isUtf8 } from 'node:buffer'
import { Refusal } from '../protocol/errors.ts'

/** @throws Refusal BAD_REQUEST, which says what the bytes are */
export const parseJson = (bytes: Buffer, what = 'the body'): unknown => {
  if (!isUtf8(bytes))
    throw new Refusal('BAD_REQUEST', `${what} is not UTF-8; bytes travel in base64, or raw by PUT /store/:name`)
  const text = bytes.toString()
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    throw new Refusal('BAD_REQUEST', `${what} is not JSON: ${(error as SyntaxError).message}`)
  }
  // A surrogate without its other half can only come from an escape.
  if (/\\ud[89a-f]/i.test(text)) assertWellFormed(body, what)
  return body
}

/** However deep it is. */
const assertWellFormed = (body: unknown, what: string): void => {
  const left: [unknown, string][] = [[body, what]]
  for (let next = left.pop(); next; next = left.pop()) {
    const [value, path] = next
    if (typeof value === 'string') {
      if (!value.isWellFormed())
        throw new Refusal(
          'BAD_REQUEST',
          `${path} has half a surrogate pair, which is no text${path === 'value' ? '; a value of any bytes travels in base64' : ''}`,
        )
    } else if (typeof value === 'object' && value !== null)
      for (const [name, inner] of Object.entries(value)) left.push([name, `a field name in ${path}`], [inner, name])
  }
}
