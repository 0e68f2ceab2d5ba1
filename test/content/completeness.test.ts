import { expect, test } from 'vitest'
import { Completeness } from '../../src/content/completeness.ts'
import { Arcs } from '../../src/space/arcs.ts'

test('what was ceded before the clock was set back is not told of for as long as it was set back', () => {
  const completeness = new Completeness()
  const [all, rest] = [
    { from: '00', to: 'f0' },
    { from: '80', to: 'f0' },
  ]
  const now = 1_700_000_000_000
  completeness.cut(Arcs.of([all]), now - 1000)
  completeness.declare(all, true)
  completeness.cut(Arcs.of([rest]), now)
  expect(completeness.claims({ from: '00', to: '80' }, now).complete).toEqual([{ from: '00', to: '80' }])
  expect(completeness.claims({ from: '00', to: '80' }, now - 60_000).complete).toEqual([])
})

test('what this node is a witness of stays so, whoever leaves it what it only presumed', () => {
  const completeness = new Completeness()
  const [mine, all] = [
    { from: '00', to: '80' },
    { from: '00', to: 'f0' },
  ]
  const now = 1_700_000_000_000
  completeness.cut(Arcs.of([all]), now - 1000)
  completeness.declare(mine, true)
  completeness.inherit(Arcs.of([all]), Arcs.none, now)
  expect(completeness.claims(all, now)).toEqual({ complete: [all], witnessed: [mine] })
})
