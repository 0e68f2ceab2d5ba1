/** Changes that a tree does not have yet: which are there, and in what order. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Change, Changes } from '../../src/service/changes.ts'

const keyOf = (digits: number) =>
  fc.array(fc.constantFrom('0', '1', '9', 'a', 'f'), { minLength: digits, maxLength: digits }).map((key) => key.join(''))

/** Places of a network of so many digits, and what may be asked for: from one of them, from before or behind a key, from everywhere. */
const places = fc.constantFrom(2, 4, 40).chain((digits) => {
  const cursor = fc.tuple(keyOf(digits), fc.constantFrom('n:0', 'v:0', 'v:f')).map(([key, index]) => `${key}/${index}`)
  const key = keyOf(digits)
  const end = fc.oneof(
    cursor,
    key,
    key.map((last) => `${last}/~`),
    fc.constantFrom('', '0', 'g', '~'),
  )
  return fc.record({ cursors: fc.array(cursor, { maxLength: 60 }), dropped: fc.array(fc.nat(59)), after: end, before: end })
})

test('those between two places are there in order, the last of each place', () =>
  fc.assert(
    fc.property(places, ({ cursors, dropped, after, before }) => {
      const changes = new Changes()
      const model = new Map<string, Change>()
      const all = cursors.map((cursor, at) => ({ cursor, text: `${at}` }))
      for (const change of all) {
        changes.add(change)
        model.set(change.cursor, change)
      }
      for (const at of dropped) {
        const change = all[at]
        if (!change) continue
        changes.forget(change)
        if (model.get(change.cursor) === change) model.delete(change.cursor)
      }
      const sorted = [...model.values()].sort((a, b) => (a.cursor < b.cursor ? -1 : 1))
      expect(changes.all()).toEqual(sorted)
      expect([...changes.between(after, before)]).toEqual(sorted.filter(({ cursor }) => cursor > after && cursor < before))
      for (const cursor of cursors) expect(changes.get(cursor)).toBe(model.get(cursor))
    }),
  ))
