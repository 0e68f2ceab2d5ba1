/**
 * What the bench asks of a store over HTTP, and by what it knows a good answer: the values are the same for every store, and
 * so is whoever asks (load.ts).
 */
import { createHash } from 'node:crypto'
import { hash } from '../../src/service/hash.ts'

export interface Ask {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly contentType?: string
  readonly body?: string
}

/** One kind of request. */
export interface Asking {
  /** The request of a number: for the value of that number, or for the hundred from a hundred times that number on. */
  readonly ask: (number: number) => Ask
  /** How many values one request is about. */
  readonly values: number
  /** What stands in a good answer, and how often. */
  readonly proof: string
  readonly proofs: number
}

/** What one batch has. */
export const batchValues = 100
const valueBytes = 100

/** `value number 7, ............`: 100 bytes. */
export const valueOf = (number: number): string => `value number ${number}, `.padEnd(valueBytes, '.')

const numbersOf = (batch: number): number[] => Array.from({ length: batchValues }, (_, at) => batch * batchValues + at)

const json = 'application/json'
const ndjson = 'application/x-ndjson'
const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** `{ "key": …, "value": … }` as etcd takes it: bytes in base64. */
const pairOf = (number: number) => ({ key: base64(`value/${number}`), value: base64(valueOf(number)) })
const post = (path: string, body: object): Ask => ({ method: 'POST', path, contentType: json, body: JSON.stringify(body) })
const one = { values: 1, proofs: 1 } as const
const dhtKey = (number: number): string => createHash('sha1').update(`value/${number}`).digest('hex')

export const askings = {
  /** Three copies, each on its disk. */
  store: {
    ...one,
    ask: (number) => post('/store', { value: valueOf(number) }),
    proof: '"stored":3',
  },
  storeBatch: {
    ask: (batch) => ({
      method: 'POST',
      path: '/store',
      contentType: ndjson,
      body: numbersOf(batch)
        .map((number) => `{"value":"${valueOf(number)}"}\n`)
        .join(''),
    }),
    values: batchValues,
    proof: '"stored":3',
    proofs: batchValues,
  },
  lookup: {
    ...one,
    ask: (number) => ({ method: 'GET', path: `/lookup?value=${encodeURIComponent(valueOf(number))}` }),
    proof: '"values":[{',
  },
  /** Asks a majority of the window: what lives under a key may be more than the value that it is the hash of. */
  lookupKey: {
    ...one,
    ask: (number) => ({ method: 'GET', path: `/lookup/${hash(valueOf(number))}` }),
    proof: '"values":[{',
  },
  put: { ...one, ask: (number) => post('/v3/kv/put', pairOf(number)), proof: '"revision":' },
  putBatch: {
    ask: (batch) => post('/v3/kv/txn', { success: numbersOf(batch).map((number) => ({ request_put: pairOf(number) })) }),
    values: batchValues,
    proof: '"succeeded":true',
    proofs: 1,
  },
  /** Linearizable: no older than what was acknowledged before it was asked. */
  range: { ...one, ask: (number) => post('/v3/kv/range', { key: pairOf(number).key }), proof: '"count":"1"' },
  /** What that member has by now. */
  rangeSerializable: {
    ...one,
    ask: (number) => post('/v3/kv/range', { key: pairOf(number).key, serializable: true }),
    proof: '"count":"1"',
  },
  /** OpenDHT's proxy: keys are its hashes, values base64. */
  dhtPut: {
    ...one,
    ask: (number) => post(`/key/${dhtKey(number)}`, { data: base64(valueOf(number)), id: '1' }),
    proof: '"data"',
  },
  dhtGet: { ...one, ask: (number) => ({ method: 'GET', path: `/key/${dhtKey(number)}` }), proof: '"data"' },
  /** The fixed reply of bare.ts, and the same through another such process. */
  bare: { ...one, ask: () => ({ method: 'GET', path: '/reply' }), proof: '"values":[{' },
  forwarded: { ...one, ask: () => ({ method: 'GET', path: '/forwarded' }), proof: '"values":[{' },
} satisfies Record<string, Asking>

export type AskName = keyof typeof askings

/** Stores the values below a number, batch by batch, through each of some origins in turn; `most` requests at a time. */
export const fill = async (
  name: 'storeBatch' | 'putBatch',
  origins: readonly string[],
  values: number,
  most = 4,
): Promise<void> => {
  const { ask, proof, proofs } = askings[name]
  let next = 0
  const work = async () => {
    for (let batch = next++; batch * batchValues < values; batch = next++) {
      const { method, path, contentType, body } = ask(batch)
      const url = `${origins[batch % origins.length]}${path}`
      const response = await fetch(url, { method, headers: { 'content-type': contentType ?? json }, body: body ?? '' })
      const text = await response.text()
      if (text.split(proof).length - 1 !== proofs) throw new Error(`${url} answered ${response.status}: ${text}`)
    }
  }
  await Promise.all(Array.from({ length: most }, work))
}
