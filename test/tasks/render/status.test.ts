import { describe, expect, test } from 'vitest'
import type { NodeInfo } from '../../../src/protocol/client-api.ts'
import { arcShares, renderStatus } from '../../../tasks/render/status.ts'
import { columnsOf, plainPaint } from '../../../tasks/render/text.ts'
import { renderTravel } from '../../../tasks/render/travel.ts'

const network = { overlay: 'chord', bits: 8, replicas: 1, ownership: 'successor', mode: 'fingers' } as const
const url = (port: string) => `http://127.0.0.1:${port}`

const info = (port: string, id: string, before: string, after: string, more: Partial<NodeInfo> = {}): NodeInfo => ({
  network: '7f3a000000000000',
  name: `node-${port}`,
  id,
  url: url(port),
  ...network,
  version: '0.1.0',
  incarnation: 1,
  state: 'ready',
  degraded: false,
  predecessor: { id: '00', url: url(before) },
  successor: { id: '00', url: url(after) },
  content: { owned: 7, replicas: 0, misplaced: 0 },
  ...more,
})

describe('status', () => {
  test('nodes in ring order, aligned, within 80 columns', () => {
    const lines = renderStatus(
      {
        network,
        nodes: [
          { port: '10002', id: 'c0', condition: 'running', info: info('10002', 'c0', '10001', '10001') },
          { port: '10001', id: '40', condition: 'running', info: info('10001', '40', '10002', '10002', { degraded: true }) },
          { port: '10003', id: '80', condition: 'dead' },
          { port: '10004', id: '90', condition: 'starting' },
        ],
        faults: ['Ideal: …'],
      },
      plainPaint,
    )
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "chord · 8 bits · 1 copy · 2 nodes · 14 values · ring not whole
      NODE   ID    ARC  OWNED  REPLICAS   PRED   SUCC  STATE
      10001  40  50.0%      7         0  10002  10002  ready · degraded
      10003  80      –      –         –      –      –  ✗ dead
      10004  90      –      –         –      –      –  starting
      10002  c0  50.0%      7         0  10001  10001  ready"
    `)
    expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(80)
  })

  test.each([
    [['40', 'c0'], 'successor', [0.5, 0.5]],
    [['10', '20'], 'successor', [0.9375, 0.0625]],
    [['10', '20'], 'predecessor', [0.0625, 0.9375]],
    [['77'], 'successor', [1]],
  ] as const)('of %j each owns, by %s, %j', (ids, ownership, shares) =>
    expect([...arcShares(ids, ownership).values()]).toEqual(shares),
  )
})

test('a way is told hop by hop, the dead ones too', () => {
  const path = [
    { id: 'a57f08', url: url('10010'), ms: 1.34 },
    { id: '295f7c', url: url('10003'), ms: 1500, dead: true },
    { id: '39ffa7', url: url('10005'), ms: 12 },
  ]
  const lines = renderTravel(
    [
      ['key', '2cf24d'],
      ['owner', '10005 39ffa7'],
    ],
    { entry: { id: '0ce23a', url: url('10001') }, path, hops: 3, ms: 1515 },
    plainPaint,
  )
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "key    2cf24d
    owner  10005 39ffa7
    path   10001  0ce23a   entry
           10010  a57f08  1.3 ms
           10003  295f7c   1.5 s  ✗ no answer
           10005  39ffa7   12 ms
    3 hops · 1.5 s"
  `)
})
