import fc from 'fast-check'
import { expect, test } from 'vitest'
import { simulate } from '../../src/sim/scenarios.ts'
import { type Deed, inWords, type Script } from '../../src/sim/script.ts'
import { shrink } from '../../src/sim/shrink.ts'
import { traits } from '../../src/sim/traits.ts'

const scriptOf = (count: number): Script => ({
  nodes: 9,
  deeds: Array.from({ length: count }, (_, at): Deed => ({ atMs: at, do: 'crash', place: at })),
  endMs: count,
})

test('exactly the deeds that are needed are left, and no more nodes than they need', () =>
  fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(59), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 9 }),
      async (needed, nodesLeast) => {
        const places = ({ deeds }: Script) => deeds.flatMap((deed) => ('place' in deed ? [deed.place] : []))
        const fails = (script: Script) =>
          Promise.resolve(script.nodes >= nodesLeast && needed.every((place) => places(script).includes(place)))
        const short = await shrink(scriptOf(60), fails)
        expect(places(short)).toEqual(needed.toSorted((a, b) => a - b))
        expect(short.nodes).toBe(nodesLeast)
      },
    ),
  ))

test('the script that chance wrote, played again, is the same run', async () => {
  for (const name of ['swarm', 'beyond']) {
    const written = await simulate(name, 3, { traits })
    const played = await simulate(name, 3, { traits, ...(written.script ? { script: written.script } : {}) })
    expect(played).toEqual(written)
  }
})

test('a deed that is not possible is left undone', async () => {
  const deeds: Deed[] = [
    { atMs: 10, do: 'crash', place: 77 },
    { atMs: 20, do: 'restart', place: 1 },
    { atMs: 20, do: 'wipe', place: 2 },
    { atMs: 30, do: 'look', place: 78, what: { name: 'rose' } },
    { atMs: 40, do: 'crash', place: 1 },
    { atMs: 40, do: 'clock', place: 1, ms: 36_000_000 },
    { atMs: 50, do: 'jam', place: 78 },
  ]
  const { checks } = await simulate('swarm', 3, { traits, script: { nodes: 1, deeds, endMs: 100 } })
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
})

test.each<[Deed, string]>([
  [{ atMs: 7, do: 'crash', place: 3 }, '7 ms: crash 10003'],
  [{ atMs: 7, do: 'pause', place: 3, ms: 20 }, '7 ms: pause 10003 for 20 ms'],
  [{ atMs: 7, do: 'store', place: 3, value: 'a b' }, '7 ms: store "a b" through 10003'],
  [{ atMs: 7, do: 'store', place: 3, value: 'a', name: 'rose' }, '7 ms: store "a" as rose through 10003'],
  [
    { atMs: 7, do: 'store', place: 3, value: 'a', name: 'rose', ttlSeconds: 30 },
    '7 ms: store "a" as rose for 30 s through 10003',
  ],
  [{ atMs: 7, do: 'jam', place: 3 }, '7 ms: jam 10003'],
  [{ atMs: 7, do: 'clock', place: 3, ms: -36_000_000 }, '7 ms: set the clock of 10003 by -36000000 ms'],
  [{ atMs: 7, do: 'remove', place: 3, what: { name: 'rose' } }, '7 ms: remove rose through 10003'],
  [{ atMs: 7, do: 'look', place: 3, what: { value: 'a b' } }, '7 ms: look "a b" through 10003'],
  [{ atMs: 7, do: 'cut', some: [1, 2], others: [3], oneWay: true }, '7 ms: cut 10001 10002 off 10003'],
  [{ atMs: 7, do: 'mend' }, '7 ms: mend'],
])('%o in words', (deed, words) => expect(inWords(deed)).toBe(words))
