import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Placement } from '../../src/overlay/chord/placement.ts'
import * as kademlia from '../../src/overlay/kademlia/placement.ts'
import * as pastry from '../../src/overlay/pastry/placement.ts'
import { Arcs } from '../../src/space/arcs.ts'

const keys = Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(2, '0'))
const peer = (id: string) => ({ id, url: `http://${id}:1` })

test.each([
  ['chord, from the successor', new Placement('successor')],
  ['chord, from the predecessor', new Placement('predecessor')],
  ['kademlia', { place: kademlia.place, heldBy: kademlia.cellsOf }],
  ['pastry', { place: pastry.place, heldBy: pastry.cellsOf }],
])('what a peer would hold are the keys whose window it would be in: %s', (_, { place, heldBy }) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.constantFrom(...keys), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      (ids, count) => {
        const peers = ids.map(peer)
        const [one = ''] = ids
        const held = Arcs.of(heldBy(one, peers, count))
        const due = keys.filter((key) => place(key, peers, count).some(({ id }) => id === one))
        expect(keys.filter((key) => held.has(key))).toEqual(due)
      },
    ),
  )
})
