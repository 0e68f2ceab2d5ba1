/**
 * Values at the door: what a person may send to /store, and a value as the bytes that it is.
 *
 * The same bytes have one form inside, however they came: text when they are UTF-8, base64 when they are not, or are many of which JSON
 * would make more than twice as many.
 */
import { isUtf8 } from 'node:buffer'
import type { Value } from '../protocol/client-api.ts'
import { Refusal, tooLarge } from '../protocol/errors.ts'
import { limits } from '../protocol/schemas.ts'
import { parseJson } from './json.ts'
import { numbered } from './text.ts'

/** The flat request of /store, before its schema has been checked. */
export type Storing = Record<string, unknown>

/** `'text/plain'` of `'Text/Plain; charset=utf-8'` */
export const mediaTypeOf = (contentType: string | undefined): string | undefined =>
  contentType?.split(';')[0]?.trim().toLowerCase()

/** More fields than any request to store has: those of one with many more would all be looked at before it is refused. */
const partsMost = 1000

/** How JSON begins, and no form. */
const brace = 0x7b

const textType = 'text/plain; charset=utf-8'
const bytesType = 'application/octet-stream'

/**
 * `POST /store`: JSON, a form, or any other content type as raw bytes.
 * @param url this node's own, for the lines that it tells people to type
 */
export const storing = (contentType: string | undefined, query: Storing, bytes: Buffer, url: string): Storing => {
  const type = mediaTypeOf(contentType)
  if (type === 'multipart/form-data')
    throw new Refusal('UNSUPPORTED_MEDIA', `send the bytes alone, without a form around them: curl -T FILE ${url}/store/`)
  if (type !== 'application/json' && type !== 'application/x-www-form-urlencoded')
    return storingBytes(contentType, query, bytes, url)
  assertNoQuery(query, 'the body')
  return type === 'application/json' ? storingJson(bytes, 'the body') : fromForm(bytes, url)
}

/**
 * The JSON object that says what to store.
 * @param what the bytes are: 'the body'
 */
export const storingJson = (bytes: Buffer, what: string): Storing => {
  const body = parseJson(bytes, what, partsMost)
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Refusal('BAD_REQUEST', `${what} must be an object: { "value": "hello" }`)
  return fromJson(body as Storing)
}

/** @throws Refusal BAD_REQUEST when there is something in the query that belongs into `where` */
export const assertNoQuery = (query: Storing, where: string): void => {
  const [field] = Object.keys(query)
  if (field !== undefined)
    throw new Refusal('BAD_REQUEST', `${field} belongs into ${where}${field === 'value' ? '' : ', beside the value'}`)
}

/**
 * Bytes as they are: `PUT /store/:name`, and `POST /store` with a content type of their own.
 * @param path what the path says of them
 */
export const storingBytes = (
  contentType: string | undefined,
  query: Storing,
  bytes: Buffer,
  url: string,
  path: { name?: string } = {},
): Storing => {
  const taken = 'name' in path ? ['ttlSeconds'] : ['name', 'ttlSeconds']
  const stray = Object.keys(query).find((field) => !taken.includes(field))
  if (stray !== undefined)
    throw new Refusal(
      'BAD_REQUEST',
      `the query has no field "${stray}" where bytes are stored; it may say ${taken.map((field) => `${field}=…`).join(' and ')}`,
    )
  const doubled = Object.keys(query).find((field) => Array.isArray(query[field]))
  if (doubled !== undefined) throw new Refusal('BAD_REQUEST', `${doubled} is in the query twice; give it once`)
  if (bytes.length === 0)
    throw new Refusal('BAD_REQUEST', `there is nothing to store: the body is empty. Try: curl ${url}/store -d value=hello`)
  const { ttlSeconds, ...rest } = query
  return {
    ...rest,
    ...path,
    ...valueOf(bytes),
    ...(contentType === undefined ? {} : { contentType }),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds: numbered(ttlSeconds) }),
  }
}

/** A value as the bytes that it stands for. */
export const bytesOf = ({ value, encoding }: Pick<Value, 'value' | 'encoding'>): Buffer =>
  Buffer.from(value, encoding ?? 'utf8')

/** What the schema cannot say of a request to store. @throws Refusal */
export const assertStorable = ({ value }: { value: string }): void => {
  if (value === '') throw new Refusal('BAD_REQUEST', 'value is empty: there must be something to store')
}

/** A value as it travels, and what it is where nobody says so. */
const valueOf = (bytes: Buffer): { value: string; encoding?: 'base64'; contentType: string } => {
  if (bytes.length > limits.valueBytes) throw tooLarge()
  const contentType = isUtf8(bytes) ? textType : bytesType
  return travelsAsText(bytes)
    ? { value: bytes.toString(), contentType }
    : { value: bytes.toString('base64'), encoding: 'base64', contentType }
}

/** Up to there what JSON makes of one value costs nobody time. */
const shortBytes = 4096

/**
 * Whether it is text of which JSON does not make much more. Zeros are six characters each there: with a few values of a MiB of them
 * all nodes were busy for seconds.
 */
const travelsAsText = (bytes: Buffer): boolean =>
  isUtf8(bytes) && (bytes.length <= shortBytes || Buffer.byteLength(JSON.stringify(bytes.toString())) <= 2 * (bytes.length + 1))

/** What has no text as its value is left as it is: the schema will say so. */
const fromJson = (body: Storing): Storing => {
  const { value, encoding, ...rest } = body
  if (typeof value !== 'string') return body
  if (encoding !== undefined && encoding !== 'base64') return body
  const bytes = Buffer.from(value, encoding ?? 'utf8')
  if (encoding === 'base64' && bytes.toString('base64') !== value)
    throw new Refusal('BAD_REQUEST', 'value is not base64, as its encoding says')
  return { ...valueOf(bytes), ...rest }
}

const fromForm = (bytes: Buffer, url: string): Storing => {
  if (bytes[0] === brace)
    throw new Refusal('BAD_REQUEST', "JSON is told from a form by its content type: add -H 'content-type: application/json'")
  const form: Storing = {}
  for (let start = 0; start <= bytes.length; ) {
    const ampersand = bytes.indexOf('&', start)
    const pair = bytes.subarray(start, ampersand < 0 ? bytes.length : ampersand)
    start += pair.length + 1
    const equals = pair.indexOf('=')
    const field = equals < 0 ? '' : unescape(pair.subarray(0, Math.min(equals, fieldBytesMost))).toString()
    if (!['value', 'name', 'ttlSeconds'].includes(field))
      throw new Refusal(
        'BAD_REQUEST',
        `a form says value=… (and name=…, ttlSeconds=…). Try: curl ${url}/store -d value=hello; \
a value with & or % in it: curl ${url}/store --data-urlencode 'value=…'`,
      )
    if (Object.hasOwn(form, field)) throw new Refusal('BAD_REQUEST', `${field} is there twice`)
    const content = unescape(pair.subarray(equals + 1))
    if (field === 'value') Object.assign(form, valueOf(content))
    else if (!isUtf8(content)) throw new Refusal('BAD_REQUEST', `${field} is not UTF-8`)
    else form[field] = field === 'ttlSeconds' ? numbered(content.toString()) : content.toString()
  }
  return form
}

/** Of the name of a field, in percent signs. */
const fieldBytesMost = 3 * 'ttlSeconds'.length

const [plus, space, percent] = Buffer.from('+ %') as unknown as [number, number, number]

/** What a form's escapes stand for, in the bytes that it came in. */
const unescape = (escaped: Buffer): Buffer => {
  const bytes = Buffer.allocUnsafe(escaped.length)
  let length = 0
  for (let at = 0; at < escaped.length; at++) {
    const byte = escaped[at] as number
    const high = byte === percent ? digitOf(escaped[at + 1]) : undefined
    const low = high === undefined ? undefined : digitOf(escaped[at + 2])
    if (high !== undefined && low !== undefined) at += 2
    bytes[length++] = high !== undefined && low !== undefined ? 16 * high + low : byte === plus ? space : byte
  }
  return bytes.subarray(0, length)
}

/** The value of a hex digit; undefined for what is none. */
const digitOf = (byte = 0): number | undefined => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined
}
