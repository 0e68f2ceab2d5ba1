import { describe, expect, test } from 'vitest'
import type { NodeInfo } from '../../../src/protocol/client-api.ts'
import { copiesAmong, placementOf, renderStatus, shares, tellMoving } from '../../../tasks/render/status.ts'
import { colourPaint, columnsOf, plainPaint } from '../../../tasks/render/text.ts'
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
  content: still,
  ...more,
})
const still = { owned: 7, replicas: 0, misplaced: 0, bytes: 0, full: false, moving: 0, complete: true }

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
      80,
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
    [600_000, 'clock 10 min ahead'],
    [-7_200_000, 'clock 2 h behind'],
  ])('whose clock is off by %i ms', (aheadMs, words) => {
    const well = { alive: 1, suspect: 0, dead: 0, left: 0, health: 0, cutOff: false, known: true, drops: {} }
    const seen = info('10001', '40', '10001', '10001', { membership: { ...well, aheadMs } })
    const node = { port: '10001', id: '40', condition: 'running' as const, info: seen }
    expect(renderStatus({ network, nodes: [node], faults: [] }, plainPaint, 80).at(-1)).toContain(`ready · ${words}`)
  })

  test('copies that are missing, and nodes that are behind', () => {
    const node = (port: string, id: string, content: Partial<NodeInfo['content']>) => {
      const seen = info(port, id, '10001', '10002', { replicas: 3, content: { ...still, ...content } })
      return { port, id, condition: 'running' as const, info: seen }
    }
    const nodes = [
      node('10001', '20', { replicas: 10, misplaced: 2 }),
      node('10002', '40', { replicas: 4, complete: false, moving: 12345 }),
      node('10003', '80', { replicas: 14, full: true, moving: 9 }),
    ]
    const lines = renderStatus({ network: { ...network, replicas: 3 }, nodes, faults: [] }, plainPaint, 80)
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "chord · 8 bits · 3 copies · 3 nodes · 21 values · 49 of 63 copies · ring whole
      NODE   ID    ARC  OWNED  REPLICAS   PRED   SUCC  STATE
      10001  20  62.5%      7        10  10001  10002  ready · 2 misplaced
      10002  40  12.5%      7         4  10001  10002  catching up · 12345 moving
      10003  80  25.0%      7        14  10001  10002  ready · 9 moving · full"
    `)
    expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(80)
    expect(tellMoving(nodes)).toEqual(['1 node catching up', '12354 records moving'])
    expect(tellMoving(nodes.slice(0, 1))).toEqual([])
  })

  test('who leaves is not catching up', () => {
    const content = { ...still, complete: false, moving: 12 }
    const seen = info('10001', '20', '10001', '10002', { state: 'leaving', content })
    const nodes = [{ port: '10001', id: '20', condition: 'running' as const, info: seen }]
    expect(renderStatus({ network, nodes, faults: [] }, plainPaint, 80)[2]).toMatch(/ {2}leaving · 12 to go$/)
    expect(tellMoving(nodes)).toEqual(['12 records moving'])
  })

  test('however much there is to say of a network, its lines stay within the window', () => {
    const much = { owned: 1_000_000, replicas: 1_999_999 }
    const nodes = ['20', '80'].map((id) => {
      const seen = info('10001', id, '10001', '10002', { content: { ...still, ...much } })
      return { port: '10001', id, condition: 'running' as const, info: seen }
    })
    const departing = { ...network, ownership: 'predecessor', successors: 7, replicas: 5, mode: 'linear' } as const
    const lines = renderStatus({ network: departing, nodes, faults: ['Ideal: …'] }, colourPaint, 80)
    expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(80)
    expect(lines[1]).toContain('ring not whole')
  })

  test.each([
    // owned and replicas of each node, copies that are wanted
    [
      [
        [5, 3],
        [3, 5],
      ],
      3,
      { values: 8, there: 16, wanted: 16 },
    ],
    [
      [
        [5, 3],
        [3, 5],
        [0, 0],
      ],
      3,
      { values: 8, there: 16, wanted: 24 },
    ],
    [[[5, 0]], 1, { values: 5, there: 5, wanted: 5 }],
    [[], 3, { values: 0, there: 0, wanted: 0 }],
  ] as const)('of nodes with %j and %i copies wanted: %j', (counts, replicas, copies) =>
    expect(
      copiesAmong(
        counts.map(([owned, more]) => ({ owned, replicas: more })),
        replicas,
      ),
    ).toEqual(copies),
  )

  test.each([
    [['40', 'c0'], 'successor', [0.5, 0.5]],
    [['10', '20'], 'successor', [0.9375, 0.0625]],
    [['10', '20'], 'predecessor', [0.0625, 0.9375]],
    [['77'], 'successor', [1]],
  ] as const)('of %j each owns, by %s, %j', (ids, ownership, parts) =>
    expect([...shares(ids, placementOf({ ...network, ownership })).values()]).toEqual(parts),
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
