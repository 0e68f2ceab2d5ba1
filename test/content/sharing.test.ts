/** What the answers about one cell come to. */
import { expect, test } from 'vitest'
import type { Outcome } from '../../src/content/reconcile.ts'
import { Sharing } from '../../src/content/sharing.ts'
import { Arcs } from '../../src/space/arcs.ts'
import type { Arc } from '../../src/space/ring.ts'

const me = { id: '80', url: 'http://127.0.0.1:1' }
const nothing = { known: Arcs.none, witnessed: Arcs.none }

/** Whoever says it has had everything on those arcs. */
const hasHad = (...complete: Arc[]): Outcome => ({
  complete,
  witnessed: [],
  held: true,
  shared: true,
  doubting: false,
  knew: 0,
  forgotten: 0,
  knowsFrom: 0,
  pulled: 0,
  pushed: 0,
  settled: true,
  caughtUp: true,
  decided: true,
})

const low: Arc = { from: '40', to: '60' }
const high: Arc = { from: '60', to: '80' }
const all: Arc = { from: '40', to: '80' }

// Who vouched for a sliver counted for all of the cell: a replaced value was shown beyond it.
test.each<[said: string, outcomes: (Outcome | undefined)[], vouched: boolean, told: boolean]>([
  ['one for all of it', [hasHad(all)], true, true],
  ['one for a part', [hasHad(low)], false, true],
  ['two for a part each', [hasHad(low), hasHad(high)], true, true],
  ['one for a part, and one nothing', [hasHad(low), undefined], false, false],
  ['one for all of it, and one nothing', [undefined, hasHad(all)], true, true],
  ['nobody anything', [undefined], false, false],
  ['all that they have not had everything', [hasHad(), hasHad()], false, true],
])('%s', (_, outcomes, isVouched, isTold) => {
  const byWindow = new Sharing({ ...all, window: [me] }, [], 0, nothing)
  for (const outcome of outcomes) byWindow.hear(outcome)
  const byDonors = new Sharing({ ...all, window: [me] }, [], 0, nothing)
  for (const outcome of outcomes) byDonors.hearDonor(outcome)
  for (const sharing of [byWindow, byDonors])
    expect({ isVouched: sharing.isVouched, isTold: sharing.isTold }).toEqual({ isVouched, isTold })
})

test.each<[who: string, said: Partial<Outcome> | undefined, agrees: boolean, shared: boolean, isDecided: boolean]>([
  ['one who has the same', {}, true, true, true],
  ['one who does not have us in its window', { shared: false }, false, false, false],
  ['one who does not hold it', { held: false }, false, true, false],
  ['one who lacks something of ours', { settled: false }, false, true, true],
  ['one who has what has not come', { caughtUp: false }, true, false, false],
  ['one who leaves something of ours in doubt', { decided: false }, true, true, false],
  ['one who does not answer', undefined, false, false, false],
])('of the window %s', (_, said, agrees, shared, isDecided) => {
  const other = { id: '90', url: 'http://127.0.0.1:2' }
  const sharing = new Sharing({ ...all, window: [me, other] }, [other], 0, nothing)
  expect(sharing.hear(said && { ...hasHad(all), ...said })).toBe(agrees)
  expect(sharing).toMatchObject({ agreed: agrees, shared, isDecided })
})

test('alone in its window one has everything once every donor has answered, and none takes anything itself any more', () => {
  for (const [said, shared, heard] of [
    [{ ...hasHad(all), held: false }, true, true],
    [hasHad(all), false, true],
    [undefined, false, false],
  ] as const) {
    const sharing = new Sharing({ ...all, window: [me] }, [], 0, nothing)
    sharing.hearDonor(said)
    expect(sharing).toMatchObject({ shared, heard })
  }
})
