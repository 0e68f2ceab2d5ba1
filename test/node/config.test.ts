import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseTags } from '../../src/membership/options.ts'
import { version } from '../../src/node/api.ts'
import { BadOption, type NodeSettings, parseConfig } from '../../src/node/config.ts'
import { Tags } from '../../src/protocol/packets.ts'
import { createValidation } from '../../src/service/validation.ts'

const settings: NodeSettings = { name: 'node-1', url: 'http://127.0.0.1:10001', network: '0123456789abcdef', incarnation: 1 }

test('defaults make a config total, and it is frozen', () => {
  const config = parseConfig(settings)
  expect(config).toMatchObject({
    bits: 160,
    overlay: 'chord',
    ownership: 'successor',
    mode: 'onehop',
    replicas: 3,
    successors: 5,
  })
  expect(Object.isFrozen(config)).toBe(true)
})

test.each<[Partial<NodeSettings>, Partial<NodeSettings>]>([
  [{ replicas: 7 }, { successors: 9 }],
  [{ replicas: 7, successors: 12 }, { successors: 12 }],
  [{ overlay: 'kademlia', replicas: 10 }, { k: 10 }],
  [{ overlay: 'pastry', replicas: 10 }, { leafSetSize: 20 }],
])('of %j follows %j', (said, follows) => {
  expect(parseConfig({ ...settings, ...said })).toMatchObject(follows)
})

test.each<[Partial<NodeSettings> & Record<string, unknown>, RegExp]>([
  [{ bits: 10 }, /bits must be a multiple of 4 from 8 to 160, not 10/],
  [{ bits: 164 }, /bits must be/],
  [{ url: 'http://127.0.0.1:10001/' }, /url must be an origin/],
  [{ id: 'ab' }, /id needs allowCustomIds/],
  [{ id: 'ab', allowCustomIds: true }, /id must have 40 lowercase hex digits/],
  [{ successors: 2 }, /successors must be at least replicas \+ 2/],
  [{ replicas: 4, successors: 5 }, /successors must be at least replicas \+ 2/],
  [{ network: 'x' }, /network/],
  [{ stabilizeEveryMs: 1.5 }, /stabilizeEveryMs/],
  [{ callTimeoutMs: 3_000_000_000 }, /callTimeoutMs must be <= 1073741824, which is twelve days, not 3000000000/],
  [{ callTimeoutMs: 1000, operationTimeoutMs: 999 }, /operationTimeoutMs must be at least callTimeoutMs/],
  [{ gossipEveryMs: 2 ** 30 + 1 }, /gossipEveryMs must be <= 1073741824/],
  [{ ownership: 'nobody' as never }, /ownership must be one of: successor, predecessor/],
  [{ colour: 'red' }, /colour is no option/],
])('%j is refused in a sentence', (change, sentence) => {
  const parse = () => parseConfig({ ...settings, ...change })
  expect(parse).toThrow(BadOption)
  expect(parse).toThrow(sentence)
})

test('a node tells the version of the package', () => {
  const { version: released } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(version).toBe(released)
})

test('the tags that a node may be told are those that it takes as an option', () => {
  const isTold = createValidation(160).strict(Tags)
  const value = fc.oneof(fc.string(), fc.constantFrom('a', 'a,b', 'a\nb', '=', 'ü', '\u007f', 'x'.repeat(257)))
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('zone', 'disk', 'a.b-c_1'), value), (tags) => {
      const option = Object.entries(tags)
        .map((pair) => pair.join('='))
        .join(',')
      expect(isTold(tags)).toBe(isDeepStrictEqual({ ...parseTags(option) }, { ...tags }))
    }),
  )
})
