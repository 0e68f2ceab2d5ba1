import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Suspicion, suspicionBounds, suspicionTimeoutMs } from '../../src/membership/suspicion.ts'

test.each([
  // Confirmations, K, ms. Lifeguard (arXiv 1707.00788) §IV-B: max − (max − min) · ln(C + 1) / ln(K + 1).
  [0, 2, 30_000],
  [1, 2, 14_227],
  [2, 2, 5000],
  [3, 2, 5000],
  [0, 4, 30_000],
  [1, 4, 19_233],
  [2, 4, 12_935],
  [3, 4, 8466],
  [4, 4, 5000],
  [0, 0, 5000],
])('%i of others beside the first, of %i that count: %i ms', (confirmations, k, ms) =>
  expect(Math.round(suspicionTimeoutMs(confirmations, k, 5000, 30_000))).toBe(ms),
)

const lan = { probeEveryMs: 1000, suspicionMult: 4, suspicionMaxMult: 6 }

test.each([
  // Members, shortest ms, K: 4 × max(1, log10 N) periods; those who could confirm are all but the accuser and the suspect.
  [2, 4000, 0],
  [3, 4000, 1],
  [4, 4000, 2],
  [10, 4000, 2],
  [20, 5204, 2],
  [100, 8000, 2],
  [1000, 12_000, 2],
])('among %i a suspicion lasts %i ms at least', (members, minMs, k) => {
  const bounds = suspicionBounds(members, lan)
  expect([Math.round(bounds.minMs), Math.round(bounds.maxMs / bounds.minMs), bounds.k]).toEqual([minMs, 6, k])
})

describe('one suspicion', () => {
  const bounds = { minMs: 5000, maxMs: 30_000, k: 2 }

  test('each accuser counts once, the first not at all', () => {
    const suspicion = new Suspicion('01', bounds, 100)
    expect(suspicion.deadline).toBe(30_100)
    expect(suspicion.confirm('01')).toBe(false)
    expect(suspicion.deadline).toBe(30_100)
    expect([suspicion.confirm('02'), suspicion.confirm('02')]).toEqual([true, false])
    expect(Math.round(suspicion.deadline)).toBe(14_327)
    expect([suspicion.confirm('03'), suspicion.confirm('04')]).toEqual([true, false])
    expect(suspicion.deadline).toBe(5100)
  })

  // E6.7.
  test('its end is within the bounds, and no confirmation puts it off', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom('01', '02', '03', '04', '05'), { maxLength: 12 }), fc.nat(6), (accusers, k) => {
        const suspicion = new Suspicion('01', { ...bounds, k }, 0)
        let last = suspicion.deadline
        for (const accuser of accusers) {
          suspicion.confirm(accuser)
          expect(suspicion.deadline).toBeLessThanOrEqual(last)
          last = suspicion.deadline
        }
        expect(last).toBeGreaterThanOrEqual(bounds.minMs)
        expect(last).toBeLessThanOrEqual(bounds.maxMs)
        if (new Set(['01', ...accusers]).size > k) expect(last).toBe(bounds.minMs)
      }),
    ))
})
