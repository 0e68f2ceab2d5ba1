/**
 * What others have measured: the figures of the papers, and of simulations of the same rules.
 *
 * SIGCOMM'01 is Stoica et al. 2001, ToN'03 the journal version of 2003.
 */

/**
 * Mean path length in a ring of 2^k nodes which know their successor and their fingers, from an independent simulation
 * that drew one ring for each k. SIGCOMM'01, Fig. 10(a), says "about 1/2 log2 N".
 */
export const pathColumn: readonly (readonly [k: number, mean: number])[] = [
  [3, 2.34],
  [4, 2.93],
  [5, 3.56],
  [6, 4.01],
  [7, 4.38],
  [8, 4.84],
  [9, 5.39],
  [10, 5.85],
  [11, 6.36],
  [12, 6.86],
  [13, 7.36],
  [14, 7.87],
]

/** The same by formula: half of the bits that tell N nodes apart are to be corrected, and the owner is contacted too. */
export const pathLine = (nodes: number): number => Math.log2(nodes) / 2 + 0.85

/** Part of the lookups by path length in a ring of 2^12 nodes, from that simulation. SIGCOMM'01, Fig. 10(b). */
export const pathShares: readonly (readonly [length: number, share: number])[] = [
  [2, 0.003],
  [3, 0.018],
  [4, 0.058],
  [5, 0.131],
  [6, 0.202],
  [7, 0.235],
  [8, 0.19],
  [9, 0.109],
  [10, 0.042],
  [11, 0.01],
]

interface MassFailure {
  readonly probability: number
  readonly paper: { readonly path: number; readonly timeouts: number }
  /** An independent simulation of lookups that use the successor list. */
  readonly column: { readonly path: number; readonly timeouts: number }
}

/** ToN'03, Table II: 1 000 nodes with successor lists of 20. */
export const massFailures: readonly MassFailure[] = [
  { probability: 0, paper: { path: 3.84, timeouts: 0 }, column: { path: 3.83, timeouts: 0 } },
  { probability: 0.1, paper: { path: 4.03, timeouts: 0.6 }, column: { path: 4.01, timeouts: 0.47 } },
  { probability: 0.2, paper: { path: 4.22, timeouts: 1.17 }, column: { path: 4.22, timeouts: 1.07 } },
  { probability: 0.3, paper: { path: 4.44, timeouts: 2.02 }, column: { path: 4.47, timeouts: 1.95 } },
  { probability: 0.4, paper: { path: 4.69, timeouts: 3.23 }, column: { path: 4.78, timeouts: 3.17 } },
  { probability: 0.5, paper: { path: 5.09, timeouts: 5.1 }, column: { path: 5.21, timeouts: 5.41 } },
]

interface VirtualIds {
  readonly count: number
  /** Keys per node as multiples of the mean: SIGCOMM'01, Fig. 9, where the text gives them. */
  readonly paper?: { readonly low: number; readonly high: number }
  /** An independent simulation: 1st and 99th percentile, and the most loaded node. */
  readonly column: { readonly low: number; readonly high: number; readonly max: number }
}

export const virtualIds: readonly VirtualIds[] = [
  { count: 1, paper: { low: 0, high: 4.8 }, column: { low: 0.01, high: 4.75, max: 9.7 } },
  { count: 2, column: { low: 0.07, high: 3.34, max: 5.7 } },
  { count: 5, column: { low: 0.24, high: 2.33, max: 3.9 } },
  { count: 10, column: { low: 0.38, high: 1.93, max: 2.9 } },
  { count: 20, paper: { low: 0.5, high: 1.6 }, column: { low: 0.51, high: 1.65, max: 2 } },
]

/** Pastry, Middleware 2001, Figs. 4 and 6, read off the plots: mean hops between random nodes, and how far they go in all. */
export const pastryHops: readonly { readonly nodes: number; readonly hops?: number; readonly stretch?: number }[] = [
  { nodes: 64 },
  { nodes: 200 },
  { nodes: 1000, hops: 2.5, stretch: 1.33 },
  { nodes: 4000, stretch: 1.3 },
  { nodes: 5000, hops: 2.95 },
  { nodes: 10_000, hops: 3.25 },
]

/** Middleware 2001, Fig. 5: part of the lookups by hops among 100 000 nodes. */
export const pastryShares: readonly (readonly [hops: number, share: number])[] = [
  [0, 0],
  [1, 0.0006],
  [2, 0.0156],
  [3, 0.1643],
  [4, 0.6449],
  [5, 0.1745],
  [6, 0],
]
