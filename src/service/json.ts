/**
 * JSON as this service reads it: UTF-8 that is UTF-8, and texts that can be written as UTF-8 again.
 *
 * `JSON.parse` never sets a prototype: a `__proto__` in a body becomes a field, and every schema here refuses fields that
 * it does not know.
 */
import { isUtf8 } from 'node:buffer'
import { Refusal } from '../protocol/errors.ts'

/**
 * @param partsMost as many elements and fields as it may have: whatever is done with more of them takes long
 * @throws Refusal BAD_REQUEST, which says what the bytes are
 */
export const parseJson = (bytes: Buffer, what = 'the body', partsMost = Infinity): unknown => {
  if (!isUtf8(bytes))
    throw new Refusal('BAD_REQUEST', `${what} is not UTF-8; bytes travel in base64, or raw by PUT /store/:name`)
  if (hasMoreParts(bytes, partsMost))
    throw new Refusal('BAD_REQUEST', `${what} has more than ${partsMost} fields; it must be an object: { "value": "hello" }`)
  return parseText(bytes.toString(), what)
}

/** @throws Refusal BAD_REQUEST */
export const parseText = (text: string, what: string): unknown => {
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
  const check = (text: string, path: string) => {
    if (!text.isWellFormed())
      throw new Refusal(
        'BAD_REQUEST',
        `${path} has half a surrogate pair, which is no text${path === 'value' ? '; a value of any bytes travels in base64' : ''}`,
      )
  }
  // Of each container, what leads to it.
  const left: unknown[] = []
  const paths: string[] = []
  const look = (value: unknown, path: string) => {
    if (typeof value === 'string') check(value, path)
    else if (typeof value === 'object' && value !== null) {
      left.push(value)
      paths.push(path)
    }
  }
  look(body, what)
  while (left.length > 0) {
    const [container, path] = [left.pop(), paths.pop() as string]
    if (Array.isArray(container)) for (const inner of container) look(inner, path)
    else
      for (const [name, inner] of Object.entries(container as object)) {
        if (!name.isWellFormed()) check(name, `a field name in ${path}`)
        look(inner, name)
      }
  }
}

const [quote, backslash] = [0x22, 0x5c]
const parting = new Set(Buffer.from(',[{'))

/** Whether there are more elements and fields in it than that. It need not be JSON. */
const hasMoreParts = (bytes: Buffer, most: number): boolean => {
  if (bytes.length <= most) return false
  let parts = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte === quote) at = endOfString(bytes, at)
    else if (parting.has(byte) && ++parts > most) return true
  }
  return false
}

/** Where a string ends that begins there. */
const endOfString = (bytes: Buffer, start: number): number => {
  for (let end = bytes.indexOf(quote, start + 1); end >= 0; end = bytes.indexOf(quote, end + 1)) {
    let escapes = end
    while (bytes[escapes - 1] === backslash) escapes--
    if ((end - escapes) % 2 === 0) return end
  }
  return bytes.length
}
