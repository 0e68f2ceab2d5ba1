import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkIdeal, checkTables } from '../../../src/overlay/kademlia/invariants.ts'
import { place } from '../../../src/overlay/kademlia/placement.ts'
import { Table } from '../../../src/overlay/kademlia/table.ts'
import type { Attributes, Snapshot } from '../../../src/overlay/overlay.ts'
import type { Peer } from '../../../src/protocol/schemas.ts'
import { commonBits } from '../../../src/space/xor.ts'
import { nobodies } from '../worlds.ts'

const peer = (id: string) => ({ id, url: `http://127.0.0.1:${10_000 + Number.parseInt(id.slice(0, 3), 16)}` })
const ids = (table: Table, bits: number): string[] =>
  table.buckets.find((bucket) => bucket.bits === bits)?.contacts.map((contact) => contact.peer.id) ?? []

/** k = 2, and so many who are near that the first bucket is a far one. */
const tableWith = (...others: string[]): Table => {
  const table = new Table(peer('00'), { k: 2, replicas: 1 })
  for (const [at, id] of ['01', '02', ...others].entries()) table.admit(peer(id), at)
  return table
}

// Bytestag's defects, by what they were; the rest of them is in defects.test.ts.
describe('a bucket', () => {
  test('is told by the bits that its contacts share with the node itself, not with an id of the table’s own', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { maxLength: 40 }), (numbers) => {
        const table = tableWith(...numbers.map((number) => number.toString(16).padStart(2, '0')))
        for (const { bits, contacts } of table.buckets)
          for (const contact of contacts) expect(commonBits('00', contact.peer.id)).toBe(bits)
      }),
    )
  })

  test('keeps those it has: a newcomer waits in the cache, and the eldest is to be asked', () => {
    const table = tableWith('80', '90')
    expect(table.admit(peer('a0'), 9)?.peer.id).toBe('80')
    expect(ids(table, 0)).toEqual(['80', '90'])
    expect(table.forget('80')?.id).toBe('a0')
  })

  test('that is full only moves a contact it knows to its end, and has it once', () => {
    const table = tableWith('80', '90')
    expect(table.admit(peer('80'), 9)).toBeUndefined()
    expect(ids(table, 0)).toEqual(['90', '80'])
    expect(table.forget('80')).toBeUndefined()
  })

  test('forgets who is gone, and who waited and is gone', () => {
    const table = tableWith('80', '90')
    for (const id of ['a0', 'b0']) table.admit(peer(id), 9)
    expect(table.forget('b0')?.id).toBe('a0')
    expect(table.forget('80')?.id).toBe('a0')
    expect(table.forget('a0')).toBeUndefined()
    expect(ids(table, 0)).toEqual(['90'])
  })

  test('never has more than k for two newcomers who race for one place', () => {
    const table = tableWith('80', '90')
    for (const id of ['a0', 'b0']) table.admit(peer(id), 9)
    table.forget('80')
    for (const id of ['b0', 'a0']) table.admit(peer(id), 10)
    expect(ids(table, 0)).toEqual(['90', 'b0'])
  })

  test('has k who wait at most, the newest', () => {
    const table = tableWith('80', '90')
    for (const id of ['a0', 'b0', 'c0', 'a0', 'd0']) table.admit(peer(id), 9)
    expect(table.buckets[0]?.cache.map(({ id }) => id)).toEqual(['a0', 'd0'])
  })

  test('near the node has everyone, however the tree is balanced', () => {
    const table = new Table(peer('00'), { k: 4, replicas: 1 })
    for (const id of ['80', '90', 'a0', 'b0', 'c0', 'd0', '80']) table.admit(peer(id), 1)
    expect(ids(table, 0)).toHaveLength(6)
    for (const id of ['01', '02', '03']) table.admit(peer(id), 2)
    // Of too many those stay that were heard last.
    expect(ids(table, 0)).toEqual(['b0', 'c0', 'd0', '80'])
  })
})

test('a node does not know itself, and one id under two addresses is the one that was there first', () => {
  const table = tableWith('80')
  table.admit({ id: '00', url: 'http://127.0.0.1:1' }, 9)
  table.admit({ id: '80', url: 'http://127.0.0.1:1' }, 9)
  expect(table.peers.map(({ id }) => id).toSorted()).toEqual(['01', '02', '80'])
  expect(table.find('80')?.peer).toEqual(peer('80'))
})

test('the nearest are the nearest of all it knows, not a sample', () => {
  const id = fc.integer({ min: 1, max: 255 }).map((number) => number.toString(16).padStart(2, '0'))
  fc.assert(
    fc.property(fc.uniqueArray(id, { maxLength: 20 }), id, (others, key) => {
      const table = tableWith(...others)
      expect(table.nearest(key, 3)).toEqual(place(key, [peer('00'), ...table.peers], 3))
      expect(table.nearest(key, 3, new Set(['01'])).map((one) => one.id)).not.toContain('01')
    }),
  )
})

describe('the invariants', () => {
  const options = {
    k: 2,
    replicas: 1,
    mode: 'onehop',
    stabilizeEveryMs: 1,
    reuniteEveryMs: 1,
    foundAfterMs: 1,
    allowCustomIds: true,
    refreshEveryMs: 1,
  } as const
  /** `{ '00': '01 80' }`: who knows whom. */
  const network = (known: Readonly<Record<string, string>>, misplaced = 0): Snapshot =>
    new Map(
      Object.entries(known).map(([id, others]): [string, Attributes] => {
        const bits = new Map<number, string[]>()
        for (const other of others.split(' ').filter(Boolean)) {
          const bucket = commonBits(id, other) + misplaced
          bits.set(bucket, [...(bits.get(bucket) ?? []), other])
        }
        return [id, { buckets: [...bits].map(([bucket, some]) => ({ bits: bucket, peers: some.map(peer) })) }]
      }),
    )

  test.each([
    ['whole', network({ '00': '01 80', '01': '00 80', '80': '00 01' }), []],
    ['alone', network({ '00': '' }), []],
    ['itself', network({ '00': '00' }), ['NoSelf: 00 knows itself']],
    ['twice', network({ '00': '80 80', '80': '00' }), ['NoDuplicates: 00 knows someone twice']],
    [
      'elsewhere',
      network({ '00': '80', f0: '00' }, 1),
      [
        'RightBucket: bucket 1 of 00 has someone who belongs elsewhere',
        'RightBucket: bucket 1 of f0 has someone who belongs elsewhere',
      ],
    ],
    ['too many', network({ '00': '01 80 90 a0' }), ['BucketSize: bucket 0 of 00 has 3 contacts']],
  ])('at every moment: %s', (_, snapshot, violations) => expect(checkTables(snapshot, options)).toEqual(violations))

  test.each([
    ['whole', network({ '00': '01 80', '01': '00 80', '80': '00 01' }), []],
    ['a neighbour', network({ '00': '80', '01': '00 80', '80': '00 01' }), ['Neighbours: 00 does not know 01']],
    ['a dead one', network({ '00': '01', '01': '00 02' }), ['Neighbours: 01 still knows 02, which is gone']],
    [
      'nobody far away',
      network({ '00': '01', '01': '00 80', '80': '81 00 01', '81': '80 00 01' }),
      ['Reachable: 00 knows nobody in its bucket 0'],
    ],
  ])('in the end: %s', (_, snapshot, violations) => expect(checkIdeal(snapshot, options)).toEqual(violations))
})

// One machine under many names filled it, and each newcomer cost more than the one before.
test('a bucket that is near has 256 contacts at the most, whoever comes', () => {
  const [me, ...others] = Array.from({ length: 3000 }, nobodies()) as [Peer, ...Peer[]]
  const table = new Table(me, { k: 8, replicas: 3 })
  const isFar = ({ id }: Peer) => commonBits(id, me.id) === 0
  for (const one of others.filter((peer) => !isFar(peer)).slice(0, 6)) table.admit(one, 0)
  expect(table.depth).toBe(0)
  for (const one of others.filter(isFar)) table.admit(one, 0)
  expect(table.contacts).toHaveLength(6 + 256)
})
