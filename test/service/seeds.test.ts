/** Whom a node joins through, by what it was told, what it knew, and who answers. */
import { expect, test } from 'vitest'
import { parseConfig } from '../../src/node/config.ts'
import type { NodeInfo } from '../../src/protocol/client-api.ts'
import { hash } from '../../src/service/hash.ts'
import { seedPeers } from '../../src/service/seeds.ts'

const network = '0123456789abcdef'
const config = parseConfig({ name: 'me', url: 'http://127.0.0.1:1', network, incarnation: 1 })
const [said, knew, gone] = ['http://127.0.0.1:2', 'http://127.0.0.1:3', 'http://127.0.0.1:4']
const known = [
  { id: 'a'.repeat(40), url: knew },
  { id: 'b'.repeat(40), url: gone },
]
const answerOf = (url: string, of = network) => ({ id: hash(url), url, network: of }) as NodeInfo

test.each<[string, (NodeInfo | undefined)[], Record<string, string>]>([
  [
    'nobody answers: everyone',
    [undefined, undefined, undefined],
    { [said]: hash(said), [knew]: 'a'.repeat(40), [gone]: 'b'.repeat(40) },
  ],
  ['one it knew does: not who is gone', [undefined, answerOf(knew), undefined], { [said]: hash(said), [knew]: hash(knew) }],
  ['one it was told does: nobody else', [answerOf(said), undefined, undefined], { [said]: hash(said) }],
  [
    'a stranger has a place: that is nobody',
    [answerOf(said, 'f'.repeat(16)), answerOf(knew), undefined],
    { [said]: hash(said), [knew]: hash(knew) },
  ],
])('%s', (_case, answers, wanted) => {
  const peers = seedPeers([said, knew, gone], answers, known, config)
  expect(Object.fromEntries(peers.map(({ id, url }) => [url, id]))).toEqual(wanted)
})
