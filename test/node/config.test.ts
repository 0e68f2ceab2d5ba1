import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type NodeSettings, parseConfig } from '../../src/node/config.ts'
import { version } from '../../src/node/node.ts'

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

test.each<[Partial<NodeSettings> & Record<string, unknown>, RegExp]>([
  [{ bits: 10 }, /bits must be a multiple of 4 from 8 to 160, not 10/],
  [{ bits: 164 }, /bits must be/],
  [{ url: 'http://127.0.0.1:10001/' }, /url must be an origin/],
  [{ id: 'ab' }, /id needs allowCustomIds/],
  [{ id: 'ab', allowCustomIds: true }, /id must have 40 lowercase hex digits/],
  [{ successors: 2 }, /successors must be at least replicas \+ 2/],
  [{ replicas: 4 }, /successors must be at least replicas \+ 2/],
  [{ network: 'x' }, /network/],
  [{ stabilizeEveryMs: 1.5 }, /stabilizeEveryMs/],
  [{ ownership: 'nobody' as never }, /ownership must be one of: successor, predecessor/],
  [{ colour: 'red' }, /colour is no option/],
])('%j is refused in a sentence', (change, sentence) => expect(() => parseConfig({ ...settings, ...change })).toThrow(sentence))

test('a node tells the version of the package', () => {
  const { version: released } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(version).toBe(released)
})
