import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fingerRuns } from '../../src/overlay/chord/fingers.ts'
import { Table } from '../../src/overlay/chord/table.ts'
import type { Attributes } from '../../src/overlay/overlay.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { successorOf } from '../../src/space/ring.ts'
import { StillRing } from '../../src/sim/still.ts'
import { World } from '../../src/sim/world.ts'

const peers = (numbers: readonly number[]): Peer[] =>
  numbers
    .map((number) => number.toString(16).padStart(2, '0'))
    .sort()
    .map((id) => ({ id, url: `http://10.0.0.1:${id}` }))
const point = fc.integer({ min: 0, max: 255 })
const ring = (least: number) => fc.uniqueArray(point, { minLength: least, maxLength: 40 }).map(peers)
const hex = (number: number): string => number.toString(16).padStart(2, '0')

test.each([1, 2, 4, 6, 7, 40])('the tables of %i nodes at rest are those that nodes of a world have found', async (size) => {
  const world = new World({ seed: size })
  const ids = await world.boot(size)
  await world.run(4 * world.config.refreshFingersEveryMs)
  const still = new StillRing(
    ids.map((id) => world.peer(id)),
    { successors: world.config.successors, predecessor: true },
  )
  for (const id of ids) {
    const table = still.table(id)
    const { predecessor, successors, fingers }: Attributes = world.snapshot().get(id) ?? {}
    expect({ predecessor, successors, fingers }).toEqual({
      predecessor: table.predecessor,
      successors: table.successors,
      fingers: fingerRuns(table),
    })
  }
})

describe('the place of a key', () => {
  test('is the window that the rules give, member by member', () =>
    fc.assert(
      fc.property(ring(1), point, fc.integer({ min: 1, max: 5 }), (all, key, count) => {
        const first = successorOf(all, hex(key))
        const table = new Table(all[0] as Peer, { replicas: 1, ownership: 'successor', successors: 5 })
        const window = Array.from({ length: Math.min(count, all.length) }, (_, at) => all[(first + at) % all.length])
        expect(window).toEqual(table.place(hex(key), all, count))
      }),
    ))
})

describe('a lookup over a ring at rest', () => {
  const options = fc.record({ successors: fc.integer({ min: 1, max: 8 }), predecessor: fc.boolean() })

  test.each([true, false])('ends at a lone node, whether it knows its predecessor: %s', async (predecessor) => {
    const [lone] = peers([7]) as [Peer]
    const { owner } = await new StillRing([lone], { successors: 1, predecessor }).lookup(lone, '00')
    expect(owner).toBe(lone)
  })

  test('ends at the owner, and contacts nobody twice', () =>
    fc.assert(
      fc.asyncProperty(ring(1), options, point, fc.nat(), async (all, known, key, from) => {
        const { owner, path } = await new StillRing(all, known).lookup(all[from % all.length] as Peer, hex(key))
        expect(owner).toBe(all[successorOf(all, hex(key))])
        expect(path.at(-1)?.id).toBe(owner.id)
        expect(new Set(path.map(({ id }) => id)).size).toBe(path.length)
      }),
    ))

  test('ends at the first living node after the key while everyone has a living successor', () =>
    fc.assert(
      fc.asyncProperty(ring(2), point, fc.infiniteStream(fc.nat({ max: 3 })), async (all, key, chance) => {
        const successors = 5
        const dead = new Set<string>()
        let run = 0
        for (const { id } of all.slice(1)) {
          run = run < successors - 1 && chance.next().value === 0 ? run + 1 : 0
          if (run > 0) dead.add(id)
        }
        const still = new StillRing(all, { successors, predecessor: true })
        still.kill(dead)
        const living = all.filter(({ id }) => !dead.has(id))
        for (const from of living) {
          const { owner } = await still.lookup(from, hex(key))
          expect(owner).toBe(living[successorOf(living, hex(key))])
        }
      }),
    ))
})
