/** Who is there, for those who want to know nothing else of membership: what a lookup of one hop computes windows from. */
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'

export interface Directory {
  /** Whether somebody has told this node of all members since it started, or there was nobody to ask. */
  readonly isKnown: boolean
  /** Those alive or suspected, this node among them, in order of id; the same array as long as nothing has changed. */
  readonly peers: readonly Peer[]
  /** Whether it may be dead, or cannot be called. */
  isSuspect(id: Id): boolean
  /** Whether there are others, though it may be that nobody hears this node: what it has by itself then counts for little. */
  readonly isAccompanied: boolean
  /** Whether it is taken for dead. */
  isDead(id: Id): boolean
  /** When this node heard last of some who have lived on apart from it, and may have been given what others were not; by `Clock.now`. */
  readonly reunitedAt: number
  /** See Drift. */
  readonly aheadMs: number
}

/** Where nobody watches who is there. */
export const nobodyKnown: Directory = {
  isKnown: false,
  peers: [],
  isSuspect: () => false,
  isDead: () => false,
  isAccompanied: false,
  reunitedAt: -Infinity,
  aheadMs: 0,
}
