import fc from 'fast-check'
import { expect, test } from 'vitest'
import { batchesOf, randomLines, tellFailures, tellProgress, tellUnfinished } from '../../tasks/storemany.ts'

test('a seed draws the same lines again', () => {
  const text = 'lorem\nipsum\n\ndolor\n'
  expect(randomLines(text, 20, 7)).toEqual(randomLines(text, 20, 7))
  expect(randomLines(text, 20, 7)).not.toEqual(randomLines(text, 20, 8))
  expect(new Set(randomLines(text, 100, 7))).toEqual(new Set(['lorem', 'ipsum', 'dolor']))
})

test.each([
  // values, sizes of their batches
  [1, [1]],
  [3, [1, 1, 1]],
  [10, [3, 3, 3, 1]],
  [400, [100, 100, 100, 100]],
  [450, [100, 100, 100, 100, 50]],
])('%i values make batches of %j', (count, sizes) =>
  expect(batchesOf(Array.from({ length: count }, String)).map(({ length }) => length)).toEqual(sizes),
)

test('batches lose nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 1000 }), (values) => {
      expect(batchesOf(values).flat()).toEqual(values)
    }),
  )
})

test('failures are counted by their code, the most frequent first', () => {
  const failure = (code: string, value: string) => ({ value, code, message: `what ${code} means` })
  expect(tellFailures([failure('STORE_FULL', 'a'), failure('UNREACHABLE', 'b'), failure('UNREACHABLE', 'c')])).toEqual([
    '  2 × UNREACHABLE: what UNREACHABLE means ("b")',
    '  1 × STORE_FULL: what STORE_FULL means ("a")',
  ])
  expect(tellFailures([])).toEqual([])
})

test.each([
  [{ begun: 400, stored: 120, done: 123 }, '120 of 900 values are stored, and maybe some of 277 under way; '],
  [{ begun: 0, stored: 0, done: 0 }, '0 of 900 values are stored; '],
])('interrupted at %j: %s', (tally, said) =>
  expect(tellUnfinished(tally, 900, 7)).toBe(`${said}storing them again is safe: npm run task storemany 900 seed=7`),
)

test.each([
  [[], 0, '300 of 1000'],
  [[], 7, '300 of 1000 · 7 failed'],
  [
    [
      ['10003', 9000],
      ['10001', 900],
      ['10003', 4000],
    ],
    0,
    '300 of 1000 · waiting for 10003',
  ],
] as [[string, number][], number, string][])('asked %j, %i failed: %s', (asked, failed, told) => {
  const nowMs = 20_000
  const failures = Array.from({ length: failed }, () => ({ value: 'a', code: 'STORE_FULL', message: 'no' }))
  const underWay = new Set(asked.map(([port, ms]) => ({ url: `http://127.0.0.1:${port}`, sinceMs: nowMs - ms })))
  expect(tellProgress({ done: 300, failures, asked: underWay }, 1000, nowMs)).toBe(told)
})
