/** What a person who types, a browser and a peer get to see of one node. */
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorStatus, type ErrorCode } from '../../src/protocol/errors.ts'
import { nodeApi } from '../../src/node/api.ts'
import { pathOf } from '../../src/service/wire.ts'
import { type Live, network, startNode } from './live.ts'

let node: Live
beforeAll(async () => {
  node = await startNode()
})
afterAll(() => node.stop())

type Options = Parameters<typeof request>[1]
const ask = async (path: string, options?: Options) => {
  const { statusCode, headers, body } = await request(node.url + path, options)
  const bytes = Buffer.from(await body.arrayBuffer())
  const text = bytes.toString()
  return { status: statusCode, headers, bytes, text, json: isJson(text) ? JSON.parse(text) : undefined }
}
const isJson = (text: string): boolean => text.startsWith('{') && text.endsWith('}')
const expectError = async (code: ErrorCode, message: string | RegExp, path: string, options?: Options) => {
  const { status, json, headers } = await ask(path, options)
  expect(json).toMatchObject({ error: code, message: expect.stringMatching(message) })
  expect(status).toBe(errorStatus[code])
  expect(headers['retry-after']).toBe(status === 503 ? '1' : undefined)
}
const form = (body: string | Buffer): Options => ({
  method: 'POST',
  body,
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
})
const json = (body: unknown, method: 'POST' | 'PUT' = 'POST'): Options => ({
  method,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})
const raw = (body: string | Buffer, contentType?: string, method: 'POST' | 'PUT' = 'POST'): Options => ({
  method,
  body,
  ...(contentType ? { headers: { 'content-type': contentType } } : {}),
})

describe('the first things that a person types', () => {
  test('curl localhost:10001 says what to type next', async () => {
    const { text, headers } = await ask('/')
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(text).toContain(`curl ${node.url}/store -d value=hello`)
  })

  test('curl localhost:10001/store -d value=hello', async () => {
    const stored = await ask('/store', form('value=hello'))
    expect(stored).toMatchObject({ status: 201, json: { stored: 1, hops: 0 } })
    const found = await ask('/lookup?value=hello')
    expect(found.json.values).toMatchObject([{ value: 'hello', contentType: 'text/plain; charset=utf-8' }])
    expect((await ask(`/lookup/${stored.json.key}`)).json.values).toEqual(found.json.values)
  })

  test('the same with JSON is the same record', async () => {
    const one = await ask('/store', form('value=the+same%21'))
    const other = await ask('/store', json({ value: 'the same!' }))
    expect(other.json.index).toBe(one.json.index)
  })

  test('curl -T cat.png localhost:10001/store/ keeps the bytes', async () => {
    const cat = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00, 0xfe])
    expect(await ask('/store/cat.png', raw(cat, undefined, 'PUT'))).toMatchObject({ status: 201 })
    const found = await ask('/lookup?name=cat.png')
    expect(found.json.values).toMatchObject([
      { value: cat.toString('base64'), encoding: 'base64', contentType: 'application/octet-stream' },
    ])
    expect((await ask('/lookup?name=cat.png&raw')).bytes).toEqual(cat)
  })

  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const wrong: [string, Options, ErrorCode, RegExp][] = [
    ['/store', form('hello'), 'BAD_REQUEST', /curl http\S+\/store -d value=hello/],
    ['/store', form('value=a&b'), 'BAD_REQUEST', /--data-urlencode/],
    ['/store', form('value=a&value=b'), 'BAD_REQUEST', /twice/],
    ['/store', form(''), 'BAD_REQUEST', /value=/],
    ['/store', form('value='), 'BAD_REQUEST', /empty/],
    ['/store', form('value=a&ttlSeconds=soon'), 'BAD_REQUEST', /ttlSeconds must be of type integer/],
    ['/store', json({ value: '' }), 'BAD_REQUEST', /empty/],
    ['/store', json({ value: 3 }), 'BAD_REQUEST', /value must be of type string/],
    ['/store', json({}), 'BAD_REQUEST', /lacks the field value/],
    ['/store', json([]), 'BAD_REQUEST', /must be an object/],
    ['/store', json('{"value":"a","__proto__":{}}'), 'BAD_REQUEST', /no field "__proto__"/],
    ['/store', json('{"value":"\\ud800"}'), 'BAD_REQUEST', /half a surrogate pair/],
    // Was said to be a defect of the node.
    ['/tags', json(`{"tags":{"a":"\\ud83d\\ude00"},"x":${deep}}`, 'PUT'), 'BAD_REQUEST', /no field "x"/],
    ['/tags', json(`{"tags":{"a":"\\ud83d"},"x":${deep}}`, 'PUT'), 'BAD_REQUEST', /a has half a surrogate pair/],
    // Stood still for seconds.
    ['/store', json(`{"value":"\\\\\\"","x":${deep}}`), 'BAD_REQUEST', /more than 1000 fields/],
    ['/store', json(`["\\ud83d\\ude00"${',[]'.repeat(1_000_000)}]`), 'BAD_REQUEST', /more than 1000 fields/],
    ['/store', form(`value=a&name=${'%41'.repeat(2_000_000)}`), 'BAD_REQUEST', /name must NOT have more than 512/],
    ['/store', form(`value=${'%41'.repeat(2_000_000)}`), 'TOO_LARGE', /1 MiB/],
    ['/store', form('&'.repeat(8_000_000)), 'BAD_REQUEST', /a form says value=/],
    ['/store', json('{"value":'), 'BAD_REQUEST', /not JSON/],
    ['/store', json({ value: 'a', encoding: 'base64' }), 'BAD_REQUEST', /not base64/],
    ['/store', json({ value: 'a', encoding: 'hex' }), 'BAD_REQUEST', /encoding/],
    ['/store', json({ value: 'a', name: 'ü'.repeat(300) }), 'BAD_REQUEST', /512 bytes/],
    ['/store?name=a', json({ value: 'a' }), 'BAD_REQUEST', /name belongs into the body/],
    ['/store?nmae=a', raw('a', 'text/plain'), 'BAD_REQUEST', /no field "nmae"/],
    ['/store', raw(Buffer.alloc(1024 * 1024 + 1, 'a'), 'text/plain'), 'TOO_LARGE', /1 MiB/],
    ['/store', json({ value: 'a'.repeat(1024 * 1024 + 1) }), 'TOO_LARGE', /1 MiB/],
    ['/store', json({ value: 'a'.repeat(2 * 1024 * 1024) }), 'TOO_LARGE', /1 MiB/],
    ['/store', raw('x', 'multipart/form-data; boundary=x'), 'UNSUPPORTED_MEDIA', /curl -T FILE/],
    [
      '/store',
      { ...raw('x', 'text/plain'), headers: { 'content-type': 'text/plain', 'content-encoding': 'gzip' } },
      'UNSUPPORTED_MEDIA',
      /uncompressed, not as gzip/,
    ],
    ['/store', { method: 'PUT', body: 'a' }, 'BAD_REQUEST', /curl -T FILE \S+\/store\/NAME/],
    ['/store/', { method: 'PUT', body: 'a' }, 'BAD_REQUEST', /curl -T FILE \S+\/store\/NAME/],
    ['/lookup/hello', {}, 'BAD_ID', /40 lowercase hex digits.*\?value=/],
    ['/approach/hello', json({ count: 1, avoid: [] }), 'BAD_ID', /40 lowercase hex digits\.$/],
    ['/lookup?value=nobody-stored-this', {}, 'NOT_FOUND', /./],
    ['/lookup', {}, 'BAD_REQUEST', /\?value=/],
    ['/lookup?value=a&value=b', {}, 'BAD_REQUEST', /value is in the query twice/],
    // Was not found.
    [`/lookup?name=${'%C3%A9'.repeat(257)}`, {}, 'BAD_REQUEST', /name may have 512 bytes at most/],
    // Was answered with the bytes.
    ['/lookup?value=hello&raw=no', {}, 'BAD_REQUEST', /raw must be/],
    ['/find?value=a&mode=fast', {}, 'BAD_REQUEST', /linear, fingers/],
    // Was answered by whoever had the value itself.
    ['/lookup?value=hello&mode=buckets', {}, 'BAD_REQUEST', /mode is fingers or linear or onehop in this network, not buckets/],
    // Was the end of all pages.
    ['/db?after=zzz', {}, 'BAD_REQUEST', /after must be the `next` of the page before/],
    ['/db?limit=ten', {}, 'BAD_REQUEST', /limit must be of type integer/],
    // Was taken as the number that it can be read as.
    ['/db?limit=1e2', {}, 'BAD_REQUEST', /limit must be of type integer/],
    ['/db?limit=%2B5', {}, 'BAD_REQUEST', /limit must be of type integer/],
    ['/db?limit=05', {}, 'BAD_REQUEST', /limit must be of type integer/],
    ['/db?limit=5&limit=5', {}, 'BAD_REQUEST', /limit is in the query twice/],
    [`/get/${'a'.repeat(40)}?brief=yes`, {}, 'BAD_REQUEST', /brief must be of type boolean/],
    [`/get/${'a'.repeat(40)}?brief=TRUE`, {}, 'BAD_REQUEST', /brief must be of type boolean/],
    [`/get/${'a'.repeat(40)}?brief`, {}, 'BAD_REQUEST', /brief must be of type boolean/],
    [`/get/${'a'.repeat(40)}?brief=true&brief=true`, {}, 'BAD_REQUEST', /brief is in the query twice/],
    ['/store', form('value=a&ttlSeconds=060'), 'BAD_REQUEST', /ttlSeconds must be of type integer/],
    ['/store', form('value=a&ttlSeconds=-1'), 'BAD_REQUEST', /ttlSeconds must be >= 1/],
    ['/store', json('{"value":"a","name":"\\ud800"}'), 'BAD_REQUEST', /^name has half a surrogate pair, which is no text$/],
    ['/store', json({ value: 'a', contentType: 'foo bar' }), 'BAD_REQUEST', /contentType must be type\/subtype, as in text/],
    ['/store', json({ value: 'a', contentType: 'text/html\r\nX: y' }), 'BAD_REQUEST', /contentType must be type\/subtype/],
    // Was looked for as the text %ff, and not found.
    ['/lookup?value=%ff', {}, 'BAD_REQUEST', /no UTF-8; a percent sign itself is written %25/],
    ['/lookup?value=100%', {}, 'BAD_REQUEST', /%25/],
    ['/lookup/%ff', {}, 'BAD_REQUEST', /no UTF-8; a percent sign itself is written %25/],
    // Was told that this call takes JSON.
    ['/store', raw('hi', 'x'), 'UNSUPPORTED_MEDIA', /type\/subtype: -H 'content-type: text\/plain'/],
    // Was told the whole name again.
    [
      `/store/${'a'.repeat(1600)}`,
      raw('hi', undefined, 'PUT'),
      'BAD_REQUEST',
      /^a part of the path is too long; a name may have 512 bytes/,
    ],
    // Was told it in the shape of the page's own server.
    ['/docs/nope', {}, 'NO_SUCH_ENDPOINT', /there is no \/docs\/nope; curl http/],
    ['/docs/static/nope.js', {}, 'NO_SUCH_ENDPOINT', /curl http/],
    ['/predecessor', form('a=b'), 'METHOD_NOT_ALLOWED', /GET, HEAD, PUT/],
    ['/predecessor', { ...form('a=b'), method: 'PUT' }, 'UNSUPPORTED_MEDIA', /application\/json/],
    ['/delete', { ...form('value=hello'), method: 'DELETE' }, 'UNSUPPORTED_MEDIA', /\?value=/],
    ['/leave', json({ now: true }), 'BAD_REQUEST', /takes no body/],
    // Were left out of account, and the bytes stored.
    [
      '/store/x?ttlSeconds=5&ttlSeconds=6',
      raw('hi', undefined, 'PUT'),
      'BAD_REQUEST',
      /ttlSeconds is in the query twice; give it once/,
    ],
    ['/store?name=a&name=b', raw('hi', 'text/plain'), 'BAD_REQUEST', /name is in the query twice; give it once/],
    ['/store?value=zz', raw('hi', 'text/plain'), 'BAD_REQUEST', /no field "value".* name=… and ttlSeconds=…$/],
    ['/store?contentType=text/html', raw('hi', 'text/plain'), 'BAD_REQUEST', /no field "contentType"/],
    ['/store?encoding=base64', raw('hi', 'text/plain'), 'BAD_REQUEST', /no field "encoding"/],
    ['/store/x?name=y', raw('hi', undefined, 'PUT'), 'BAD_REQUEST', /no field "name".* may say ttlSeconds=…$/],
    ['/store/x?raw', raw('hi', undefined, 'PUT'), 'BAD_REQUEST', /no field "raw"/],
    ['/store/x', { ...raw('hi', undefined, 'PUT'), headers: { 'if-match': '"1"' } }, 'BAD_REQUEST', /leave out if-match/],
    // `curl -C 2 -T file` replaced the file by its end.
    [
      '/store/x',
      { ...raw('hi', undefined, 'PUT'), headers: { 'content-range': 'bytes 2-3/4' } },
      'BAD_REQUEST',
      /send all of it/,
    ],
    ['/store?value=a', json({ value: 'b' }), 'BAD_REQUEST', /^value belongs into the body$/],
    [
      '/store/x',
      { ...raw('hi', undefined, 'PUT'), headers: { 'if-none-match': '*' } },
      'BAD_REQUEST',
      /leave out if-none-match/,
    ],
    // Were taken, and kept the node from starting again.
    ['/tags', json({ tags: { zone: 'a,b' } }, 'PUT'), 'BAD_REQUEST', /zone must be text without commas/],
    ['/tags', json({ tags: { zone: 'a\nb' } }, 'PUT'), 'BAD_REQUEST', /zone must be text without commas/],
    ['/tags', json({ tags: { 'a,b': 'c' } }, 'PUT'), 'BAD_REQUEST', /tags has no field "a,b"; a name there fits \^/],
    ['/tags', json({ tags: { '': 'c' } }, 'PUT'), 'BAD_REQUEST', /tags has no field ""/],
    ['/tags', json({ tags: { ü: { a: [1] } } }, 'PUT'), 'BAD_REQUEST', /tags has no field "ü"/],
    ['/leave', { method: 'POST' }, 'LAST_NODE', /./],
    ['/nothing/here', {}, 'NO_SUCH_ENDPOINT', /curl http/],
    ['/leaves', {}, 'NO_SUCH_ENDPOINT', /there is no \/leaves in this overlay \(it is of pastry\); curl http/],
    ['/store/', { method: 'POST' }, 'METHOD_NOT_ALLOWED', /\/store\/ takes PUT, not POST/],
    ['/store/hello', {}, 'METHOD_NOT_ALLOWED', /takes PUT, not GET; to read it: curl http\S+\/lookup\?name=hello/],
    ['/lookup?value=a&name=b', {}, 'BAD_REQUEST', /both there; one of them/],
    ['/store/a/b', raw('a', 'text/plain', 'PUT'), 'NO_SUCH_ENDPOINT', /a slash in a name is written %2F/],
    ['/leave', form('now=yes'), 'UNSUPPORTED_MEDIA', /takes no body/],
    ['/', { method: 'QUERY' }, 'METHOD_NOT_ALLOWED', /ask with GET/],
    ['/%zz', {}, 'BAD_REQUEST', /./],
    [`/lookup?value=${'a'.repeat(20_000)}`, {}, 'BAD_REQUEST', /16 KiB.* GET \/lookup\/KEY$/],
    ['/lookup?key=2cf2', {}, 'BAD_REQUEST', /a key goes into the path: \/lookup\/KEY$/],
    ['/store', form('{"value":"x"}'), 'BAD_REQUEST', /add -H 'content-type: application\/json'/],
  ]
  for (const [index, [path, options, code, message]] of wrong.entries())
    test(`${index}: ${options?.method ?? 'GET'} ${path.slice(0, 40)} is told ${code} ${message.source}`, () =>
      expectError(code, message, path, options))

  test('a wrong method is told the right ones', async () => {
    const { status, headers } = await ask('/nodeinfo', { method: 'DELETE' })
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
  })
})

describe('values as bytes', () => {
  test.each<[string, Buffer, string | undefined, string]>([
    ['text without a type', Buffer.from('plain ü'), undefined, 'text/plain; charset=utf-8'],
    ['bytes without a type', Buffer.from([0xff, 0xfe]), undefined, 'application/octet-stream'],
    ['text with a byte order mark', Buffer.from('\ufeffmark'), 'text/csv', 'text/csv'],
    ['what calls itself JSON', Buffer.from('{"not json'), 'application/json', 'application/json'],
    ['text of which JSON makes much more', Buffer.from('\x1b\n'.repeat(5000)), undefined, 'text/plain; charset=utf-8'],
    ['a page', Buffer.from('<script>alert(1)</script>'), 'text/html', 'text/html'],
    ['exactly 1 MiB', Buffer.alloc(1024 * 1024, 0xff), 'image/png', 'image/png'],
  ])('%s comes back as it went in', async (what, bytes, contentType, expected) => {
    const name = encodeURIComponent(what)
    expect(await ask(`/store/${name}`, raw(bytes, contentType, 'PUT'))).toMatchObject({ status: 201 })
    const found = await ask(`/lookup?name=${name}&raw`)
    expect(found.bytes.equals(bytes)).toBe(true)
    expect(found.headers).toMatchObject({
      'content-type': expected,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
    })
  })

  test('the same bytes are the same record, however they came', async () => {
    const bytes = Buffer.from([0xff, 0x41])
    const indices = await Promise.all(
      [
        raw(bytes, 'application/octet-stream'),
        form('value=%ffA'),
        json({ value: bytes.toString('base64'), encoding: 'base64' }),
      ].map(async (options) => (await ask('/store', options)).json.index),
    )
    expect(new Set(indices).size).toBe(1)
  })

  test.each<[string, string, 'base64' | undefined]>([
    // Six characters of JSON each: a store of 1 MiB of them took all nodes for seconds.
    ['zeros', '\0'.repeat(5000), 'base64'],
    ['few zeros', '\0'.repeat(4000), undefined],
    ['a terminal’s output', '\x1b[31mred\x1b[0m and more '.repeat(300), undefined],
    ['nothing but colours', '\x1b[m'.repeat(2000), 'base64'],
    ['lines, with tabs', 'a\r\n\t\f\b'.repeat(2000), undefined],
    ['quotes', '"\\a'.repeat(3000), undefined],
  ])('text that JSON would make much more of travels as bytes: %s', async (_, text, encoding) => {
    for (const options of [json({ value: text }), raw(text, 'text/plain'), form(`value=${encodeURIComponent(text)}`)]) {
      const { key } = (await ask('/store', options)).json
      const { values } = (await ask(`/lookup/${key}`)).json
      expect(values).toMatchObject([{ value: encoding ? Buffer.from(text).toString(encoding) : text }])
      expect(values[0].encoding).toBe(encoding)
      expect((await ask(`/lookup/${key}?raw`)).text).toBe(text)
    }
  })

  test('who has the version already is told so', async () => {
    await ask('/store', json({ value: 'tagged' }))
    const { headers } = await ask('/lookup?value=tagged&raw')
    const again = await ask('/lookup?value=tagged&raw', { headers: { 'if-none-match': String(headers.etag) } })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  // Had no length, as if nothing were there.
  test('who only asks for the head and has the version is told the length of the value', async () => {
    await ask('/store', json({ value: 'headed' }))
    const { status, headers, text } = await ask('/lookup?value=headed&raw', {
      method: 'HEAD',
      headers: { 'if-none-match': '*' },
    })
    expect([status, headers['content-length'], text]).toEqual([304, '6', ''])
  })

  // The connection was closed on them: most had no answer.
  test('who sends too much at once is answered when all of it is sent, on a connection that goes on', async () => {
    const { status, headers } = await ask('/store', raw(Buffer.alloc(9 * 1024 * 1024, 'a'), 'text/plain'))
    expect(status).toBe(413)
    expect(headers.connection).not.toBe('close')
  })

  test('who has another version than the last is given that, and whoever has the last, in whatever way it says so, is not', async () => {
    const path = '/lookup?name=tagged&raw'
    const tags: string[] = []
    for (const value of ['old', 'new']) {
      await ask('/store', json({ value, name: 'tagged' }))
      tags.push(String((await ask(path)).headers.etag))
    }
    const [old, last] = tags
    for (const [known, status, text] of [
      [old, 200, 'new'],
      [`"a", ${old}`, 200, 'new'],
      [last, 304, ''],
      [`W/${last}`, 304, ''],
      [`${old}, ${last}`, 304, ''],
      ['*', 304, ''],
    ] as const)
      expect(await ask(path, { headers: { 'if-none-match': String(known) } })).toMatchObject({ status, text })
  })

  test('replies in JSON are not to be kept', async () =>
    expect((await ask('/nodeinfo')).headers['cache-control']).toBe('no-store'))
})

describe('who may ask', () => {
  const other = 'b'.repeat(16)
  test.each<[Record<string, string>, ErrorCode | undefined]>([
    [{ origin: 'http://evil.example' }, 'FOREIGN_ORIGIN'],
    [{ origin: 'null' }, 'FOREIGN_ORIGIN'],
    [{ origin: 'http://127.0.0.1:1' }, 'FOREIGN_ORIGIN'],
    [{ host: 'evil.example' }, 'FOREIGN_HOST'],
    [{ host: 'localhost.evil.example:80' }, 'FOREIGN_HOST'],
    [{ host: '127.0.0.1.evil.example' }, 'FOREIGN_HOST'],
    [{ host: 'localhost:10001' }, undefined],
    [{ host: '[::1]:10001' }, undefined],
    [{ host: '192.168.1.5' }, undefined],
    [{ host: 'localhost:10001', origin: 'http://localhost:10001' }, undefined],
    [{ 'polychord-network': other }, 'OTHER_NETWORK'],
    [{ 'polychord-to': 'a'.repeat(40) }, 'WRONG_NODE'],
    [{ 'polychord-network': network }, undefined],
  ])('%j: %s', async (headers, code) => {
    const { status, json: body } = await ask('/nodeinfo', { headers })
    expect([status, body.error]).toEqual(code ? [errorStatus[code], code] : [200, undefined])
  })

  test('a request for another node is turned away before its body is looked at', () =>
    expectError('WRONG_NODE', /./, '/merge', {
      method: 'POST',
      body: 'not json',
      headers: { 'content-type': 'application/json', 'polychord-to': 'a'.repeat(40) },
    }))
})

describe('for machines', () => {
  // Was 400: no peer that made its calls alone could be read from.
  test.each([
    [undefined, true],
    [false, true],
    [true, false],
  ])('a peer that asks for brief=%s without a channel is given large values: %s', async (brief, isGiven) => {
    const value = 'large '.repeat(20_000)
    const { key } = (await ask('/store', json({ value }))).json
    const { status, json: found } = await ask(pathOf(nodeApi('chord').get, { key, brief }))
    expect([status, found.records.map((record: { value?: string }) => record.value)]).toEqual([
      200,
      [isGiven ? value : undefined],
    ])
  })

  test('/openapi.json has every row', async () => {
    const { json: document } = await ask('/openapi.json')
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/store', '/lookup/{key}', '/predecessor', '/merge', '/channel']),
    )
    expect(Object.keys(document.paths['/store'].post.requestBody.content)).toEqual(
      expect.arrayContaining(['application/x-www-form-urlencoded', 'application/x-ndjson']),
    )
    const beside = ({ parameters }: { parameters: { name: string; in: string }[] }) =>
      parameters.map((one) => `${one.name} in ${one.in}`)
    expect(beside(document.paths['/store'].post)).toEqual(['name in query', 'ttlSeconds in query'])
    expect(beside(document.paths['/store/{name}'].put)).toEqual(['name in path', 'ttlSeconds in query'])
  })

  test('/docs is a page over it', async () => {
    const page = await ask('/docs')
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect((await ask('/docs/json')).json.paths).toHaveProperty('/store')
  })

  test('/metrics counts requests, lookups with their hops, events and keys', async () => {
    await ask('/store', form('value=counted'))
    const { text, headers } = await ask('/metrics')
    expect(headers['content-type']).toContain('text/plain')
    expect(text).toMatch(/polychord_request_duration_seconds_count\{route="\/store",method="POST",status="201"\} [1-9]/)
    expect(text).toMatch(/polychord_lookup_hops_bucket\{le="0",call="store"\} [1-9]/)
    expect(text).toMatch(/polychord_lookup_hops_bucket\{le="\+Inf",call="store"\} [1-9]/)
    expect(text).toMatch(/polychord_ring_events_total\{event="[^"]+"\} [1-9]/)
    expect(text).toMatch(/polychord_keys\{role="owned"\} [1-9]/)
    expect(text).toMatch(/polychord_event_loop_delay_seconds \d/)
  })

  test('/metrics counts what has no route too: a scan was invisible', async () => {
    for (const path of ['/no/such/path', '/%zz']) await ask(path)
    await ask('/nodeinfo', { method: 'DELETE' })
    await ask('/no/such/path', { headers: { host: 'evil.example' } })
    const { text } = await ask('/metrics')
    for (const status of [400, 403, 404, 405])
      expect(text).toMatch(
        new RegExp(`polychord_request_duration_seconds_count\\{route="none",method="any",status="${status}"\\} [1-9]`),
      )
  })

  test('a value may have any character, escaped', async () => {
    await ask('/store', json({ value: '100 % ü&+' }))
    expect((await ask(`/lookup?value=${encodeURIComponent('100 % ü&+')}`)).json.values).toHaveLength(1)
    expect((await ask('/db?limit=5')).status).toBe(200)
  })

  test('/healthz and /readyz tell the state', async () => {
    expect((await ask('/healthz')).json).toEqual({ state: 'ready' })
    expect((await ask('/readyz')).json).toEqual({ state: 'ready' })
    expect((await ask('/healthz', { method: 'HEAD' })).status).toBe(200)
  })
})
