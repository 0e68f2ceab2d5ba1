import { expect, test } from 'vitest'
import { assertMode, Lookup } from '../../src/overlay/lookup.ts'
import { modesOf } from '../../src/overlay/overlays.ts'
import { Refusal, Unreachable } from '../../src/protocol/errors.ts'
import type { Peer } from '../../src/protocol/schemas.ts'

/** Nodes on a line, who each know some others; the nearest to 0 are looked for, from node 90. */
interface Scene {
  readonly knows: Readonly<Record<string, string>>
  readonly dead?: string
  readonly suspects?: string
  readonly refusing?: string
  /** Who answers long after the others. */
  readonly slow?: string
}

const me = '90'
const most = 3
const peer = (id: string): Peer => ({ id, url: `http://127.0.0.1:${10_000 + Number(id)}` })
const nearest = (peers: readonly Peer[]) => peers.toSorted((a, b) => Number(a.id) - Number(b.id)).slice(0, most)
const words = (text = ''): string[] => text.split(' ').filter(Boolean)

const lookupIn = ({ knows, dead, suspects, refusing, slow }: Scene) => {
  const say = (id: string, avoid: ReadonlySet<string>) => ({
    peers: nearest([id, ...words(knows[id])].filter((one) => !avoid.has(one)).map(peer)),
    final: false,
  })
  let underWay = 0
  const widths: number[] = []
  const lookup = new Lookup(
    {
      local: (avoid) => say(me, avoid),
      ask: async ({ id, url }, avoid) => {
        widths.push(++underWay)
        for (let turn = words(slow).includes(id) ? 100 : 1; turn > 0; turn--) await Promise.resolve()
        underWay--
        if (words(refusing).includes(id)) throw new Refusal('BAD_REQUEST', 'no')
        if (words(dead).includes(id)) throw new Unreachable(url, 'refused')
        return say(id, avoid)
      },
      evict: () => {},
      isSuspect: (id) => words(suspects).includes(id),
      confirm: { me, nearest },
    },
    { now: () => 0, sleep: () => Promise.resolve() },
  )
  return { lookup, widths }
}

const all = '10 20 30 40 50'

test.each<[string, Scene, string, number]>([
  // what it shows, who knows whom, the nearest that live, steps to the nearest
  ['the nearest is found step by step', { knows: { 90: '80', 80: '70', 70: '10' } }, '10 70 80', 3],
  ['who is nearest may be this node', { knows: { 90: '' } }, '90', 0],
  ['the nearest must all answer', { knows: { 90: all, 50: all, 40: all, 30: all, 20: all, 10: all } }, '10 20 30', 1],
  ['one who does not is left out', { knows: { 90: '20 30 40', 20: '10', 30: '10' }, dead: '10' }, '20 30 40', 1],
  [
    'who named the dead is asked again',
    { knows: { 90: '60', 60: '10 20 30 40 50', 50: '60', 40: '60' }, dead: '10 20 30' },
    '40 50 60',
    2,
  ],
  [
    'who is asked again is waited for, however long it takes',
    {
      knows: { 90: '60 70 80', 60: '10 20 30 70 80', 70: '10 20 30 60 80', 80: '10 20 30 40 60 70' },
      dead: '10 20 30',
      slow: '80',
    },
    '40 60 70',
    2,
  ],
  ['one who refuses is passed over', { knows: { 90: '20 30 40', 30: '10' }, refusing: '20' }, '10 30 40', 2],
  ['nobody else lives', { knows: { 90: '10 20' }, dead: '10 20' }, '90', 0],
])('%s', async (_title, scene, found, steps) => {
  const { lookup } = lookupIn(scene)
  expect((await lookup.window()).map(({ id }) => id).join(' ')).toBe(found)
  expect(lookup.hops).toBe(steps)
})

const silence = () => Promise.reject(new Unreachable('http://20', 'timeout'))

test('three are asked at a time, and all that are left once the nearest has answered', async () => {
  const { lookup, widths } = lookupIn({ knows: { 90: '60 70 80', 60: '10 20 30', 70: '10 20 30', 80: '10 20 30' } })
  await lookup.window()
  expect(Math.max(...widths)).toBe(3)
  expect(lookup.path.map(({ id }) => id)).toEqual(['60', '70', '80', '10', '20', '30'])
})

test('suspects are asked last', async () => {
  const { lookup } = lookupIn({ knows: { 90: '10 20 30' }, suspects: '10 20' })
  await lookup.window()
  expect(lookup.path.map(({ id }) => id)).toEqual(['30', '10', '20'])
})

test('one that is silent afterwards gives way to the next, which must answer too', async () => {
  const { lookup } = lookupIn({ knows: { 90: '10 20 30', 10: '40' } })
  expect((await lookup.window()).map(({ id }) => id)).toEqual(['10', '20', '30'])
  await lookup.visit(peer('20'), silence)
  expect((await lookup.window()).map(({ id }) => id)).toEqual(['10', '30', '40'])
  expect(lookup.path.at(-1)?.id).toBe('40')
})

test('whoever comes in when the time is up is asked by the next try, which does not wait for an answer to nothing', async () => {
  let now = 0
  const clock = { now: () => now, sleep: () => Promise.resolve() }
  const all = ['10', '20', '30', '40'].map(peer)
  const lookup = new Lookup(
    {
      local: (avoid) => ({ peers: all.filter(({ id }) => !avoid.has(id)), final: false }),
      ask: () => Promise.resolve({ peers: all, final: false }),
      evict: () => {},
      isSuspect: () => false,
      confirm: { me, nearest },
    },
    clock,
    { deadline: 1000 },
  )
  await lookup.window()
  await lookup.visit(peer('20'), silence)
  now = 1001
  await expect(lookup.window()).rejects.toThrow('no owner')
  await expect(lookup.window()).rejects.toThrow('no owner')
})

test('a mode that the overlay does not have is refused', () => {
  const modes = modesOf('kademlia')
  expect(() => assertMode('onehop', modes)).not.toThrow()
  expect(() => assertMode('buckets', modes)).not.toThrow()
  expect(() => assertMode('linear', modes)).toThrow(Refusal)
})
