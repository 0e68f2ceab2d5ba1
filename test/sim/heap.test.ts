import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Heap } from '../../src/sim/heap.ts'

test('whatever goes in and out, what comes out is the first of what is in', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 50 }), { nil: 'pop' as const })), (deeds) => {
      const heap = new Heap<number>((a, b) => a < b)
      let inside: number[] = []
      for (const deed of deeds) {
        if (deed === 'pop') {
          const [first, ...rest] = inside
          expect(heap.pop()).toBe(first)
          inside = rest
        } else {
          heap.push(deed)
          inside = [...inside, deed].sort((a, b) => a - b)
        }
        expect(heap.first).toBe(inside[0])
      }
    }),
  )
})
