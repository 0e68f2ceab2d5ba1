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
