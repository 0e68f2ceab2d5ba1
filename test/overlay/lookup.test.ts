import { expect, test } from 'vitest'
import { type Guide, Lookup } from '../../src/overlay/lookup.ts'
import { Unreachable } from '../../src/protocol/errors.ts'
import type { Route } from '../../src/protocol/peer-api.ts'
import type { Peer } from '../../src/protocol/schemas.ts'

const peer = (id: string): Peer => ({ id, url: `http://127.0.0.1:${10_000 + Number.parseInt(id, 16)}` })
const route = (ids: string, final: boolean): Route => ({ peers: ids.split(' ').filter(Boolean).map(peer), final })
const clock = { now: () => 0, sleep: () => Promise.resolve() }

interface Scene {
  readonly local: string
  readonly guess?: Route
  readonly answers?: Readonly<Record<string, Route>>
  readonly suspects?: readonly string[]
}

/** `local` is whom this node asks first; of those that have no answer nothing is heard. */
const lookupIn = ({ local, guess, answers = {}, suspects = [] }: Scene): Lookup => {
  const without = ({ peers, final }: Route, avoid: ReadonlySet<string>) => ({
    peers: peers.filter(({ id }) => !avoid.has(id)),
    final,
  })
  const guide: Guide = {
    local: (avoid) => without(route(local, false), avoid),
    guess: guess && ((avoid) => without(guess, avoid)),
    ask: ({ id, url }, avoid) => {
      const answer = answers[id]
      return answer ? Promise.resolve(without(answer, avoid)) : Promise.reject(new Unreachable(url, 'refused'))
    },
    evict: () => {},
    isSuspect: (id) => suspects.includes(id),
  }
  return new Lookup(guide, clock)
}

const windowOf = async (lookup: Lookup): Promise<string> => (await lookup.window()).map(({ id }) => id).join(' ')
const pathOf = ({ path }: Lookup): string => path.map(({ id, dead }) => (dead ? `${id}!` : id)).join(' ')
const answers = { '10': route('20 30', true), '15': route('20', false), '20': route('20 30', true) }

test.each<[string, Scene, string, string]>([
  // what it shows, what there is, the window, who was asked
  ['a final guess is the window, and nobody is asked', { local: '10', guess: route('40 50', true), answers }, '40 50', ''],
  ['a guess of whom to ask first', { local: '10', guess: route('20', false), answers }, '20 30', '20'],
  ['whoever is asked first may know who is nearer', { local: '10', guess: route('15', false), answers }, '20 30', '15 20'],
  [
    'a guess that leads nowhere gives way to the overlay',
    { local: '10', guess: route('40', false), answers },
    '20 30',
    '40! 10',
  ],
  ['a guess of nobody too', { local: '10', guess: route('', true), answers }, '20 30', '10'],
  ['suspects are asked last', { local: '15 10', answers, suspects: ['15'] }, '20 30', '10'],
  ['and asked all the same', { local: '15', answers, suspects: ['15'] }, '20 30', '15 20'],
])('%s', async (_title, scene, window, path) => {
  const lookup = lookupIn(scene)
  expect(await windowOf(lookup)).toBe(window)
  expect(pathOf(lookup)).toBe(path)
})

test('a guess that is not borne out is made once', async () => {
  const lookup = lookupIn({ local: '10', guess: route('40 50', true), answers })
  expect(lookup.isGuess).toBe(true)
  expect(await windowOf(lookup)).toBe('40 50')
  expect(lookup.distrust()).toBe(true)
  expect(lookup.isGuess).toBe(false)
  expect(await windowOf(lookup)).toBe('20 30')
  expect(lookup.distrust()).toBe(false)
})

test('who was asked because of a guess is asked again because of the overlay', async () => {
  const lookup = lookupIn({ local: '10', guess: route('10 40', false), answers: { '10': route('', false) } })
  await expect(lookup.window()).rejects.toThrow('nobody reachable knows')
  expect(pathOf(lookup)).toBe('10 40! 10')
})

test('who has not answered yet stands in the path as slow, and is no hop', async () => {
  const lookup = lookupIn({ local: '10', answers })
  let answer: (reply: string) => void = () => {}
  const visit = lookup.visit(peer('20'), () => new Promise<string>((resolve) => (answer = resolve)))
  expect(lookup.path).toEqual([{ ...peer('20'), ms: 0, slow: true }])
  expect(lookup.hops).toBe(0)
  answer('here')
  expect(await visit).toBe('here')
  expect(lookup.path).toEqual([{ ...peer('20'), ms: 0 }])
  expect(lookup.hops).toBe(1)
})

test('who knows that it owns the key, and is then asked for it, is one hop', async () => {
  const lookup = lookupIn({ local: '10', answers: { '10': route('10', true) } })
  const [owner] = await lookup.window()
  await lookup.visit(owner as Peer, () => Promise.resolve('what it has'))
  expect([pathOf(lookup), lookup.hops]).toEqual(['10', 1])
  await lookup.visit(peer('20'), () => Promise.resolve('what it has'))
  await lookup.visit(owner as Peer, () => Promise.resolve('what it has'))
  expect([pathOf(lookup), lookup.hops]).toEqual(['10 20 10', 3])
})

/** Nobody is known but `10`; the answers are made as they are asked for. */
const lookupThrough = (ask: (id: string, avoid: ReadonlySet<string>) => Route | undefined): Lookup => {
  const guide: Guide = {
    local: () => route('10', false),
    ask: ({ id, url }, avoid) => {
      const answer = ask(id, avoid)
      return answer ? Promise.resolve(answer) : Promise.reject(new Unreachable(url, 'refused'))
    },
    evict: () => {},
    isSuspect: () => false,
  }
  return new Lookup(guide, clock)
}

test('whoever was final, and named one who is not there, is asked again: the window is without that one', async () => {
  const lookup = lookupThrough((_id, avoid) => route(['20', '30'].filter((id) => !avoid.has(id)).join(' '), true))
  expect(await windowOf(lookup)).toBe('20 30')
  await lookup.visit(peer('20'), () => Promise.reject(new Unreachable('20', 'refused')))
  expect(await windowOf(lookup)).toBe('30')
})

test('one that names ever new ones who are not there is asked sixteen times, and no more', async () => {
  let named = 0x20
  const lookup = lookupThrough((id) => (id === '10' ? route((named++).toString(16), false) : undefined))
  await expect(lookup.window()).rejects.toMatchObject({ code: 'NO_ROUTE' })
  expect(lookup.path.filter(({ id }) => id === '10')).toHaveLength(16)
})

test('those who lead on for ever are followed over so many hops', async () => {
  let named = 0x20
  const lookup = lookupThrough(() => route((named++).toString(16), named > 5000))
  await expect(lookup.window()).rejects.toThrow(/no owner after asking 1024 peers/)
})
