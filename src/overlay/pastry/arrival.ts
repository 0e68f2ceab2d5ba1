/**
 * A newcomer's way to its place, and what it brings from there. Pastry §2.4.
 *
 * It starts at someone near, A, and asks its way to the node whose id is nearest to its own, Z. From A comes the neighbourhood, from each on
 * the way the row of the routing table that both have in common; in the second stage all of these are asked whom they know, and whoever is
 * nearer takes the place. From Z comes the leaf set. Once all of it has answered the newcomer is there, and says so.
 */
import { avoidedOf, type Peer } from '../../protocol/schemas.ts'
import { sharedDigits } from '../../space/digits.ts'
import type { Id } from '../../space/id.ts'
import type { State, Step } from './api.ts'
import type { Upkeep } from './upkeep.ts'

/** Candidates that one step names: enough that a dead one rarely costs a second question. */
export const breadth = 4
/** Places of a row: for all digits but the node's own. */
const rowMost = 15
/** Strangers that the second stage measures. */
const strangersMost = 64

/** Whoever was met on a way, and what it said. */
type Met = Step & { readonly peer: Peer }

/**
 * Those who were met on the way to this node's place, as it would be without this node: the first is `through`.
 * @throws Refusal NO_ROUTE, ID_TAKEN, BAD_ID
 */
export const wayHome = async (upkeep: Upkeep, through: Peer): Promise<Met[]> => {
  const { me } = upkeep
  const way: Met[] = []
  const ask = async (peer: Peer, avoid: ReadonlySet<Id>): Promise<Step> => {
    const step = await upkeep.reach(peer, 'arrive', { ...me, avoid: avoidedOf(avoid) })
    way.push({ peer, ...step })
    return step
  }
  await upkeep.seek({ local: () => ({ peers: [through], final: false }), ask }, [me.id])
  return way
}

/**
 * One attempt to come in through a peer. False when nobody near its place has answered.
 * @throws Refusal as wayHome
 */
export const arriveThrough = async (upkeep: Upkeep, through: Peer): Promise<boolean> => {
  const { me, table } = upkeep
  const way = await wayHome(upkeep, through)
  const last = way.at(-1)
  if (!last) return false
  const states = new Map<Id, State>()
  const fetch = (peers: readonly Peer[]) =>
    upkeep.each(peers, async (peer) => {
      const state = peer.id === me.id || states.has(peer.id) ? undefined : await upkeep.call(peer, 'state', {})
      if (state) states.set(peer.id, state)
    })
  /** Rows up to the digit at which a node parts from this one. */
  const common = (peer: Peer) => sharedDigits(me.id, peer.id) + 1
  let known = 0
  // Each row once, and no more of it than it has places: any machine may answer on the way, under any number of names.
  const rowsOnTheWay = way.flatMap(({ peer, rows }) => {
    const from = known
    known = Math.max(known, common(peer))
    return rows.slice(from, known).flatMap((row) => row.slice(0, rowMost))
  })
  await fetch([...(way[0]?.neighborhood ?? []), ...rowsOnTheWay].filter((peer) => upkeep.isSound(peer)))
  await fetch(table.known)
  const named = table.byRoundTrip.flatMap((peer) => {
    const { rows = [], neighborhood = [] } = states.get(peer.id) ?? {}
    return [...neighborhood, ...rows.slice(0, common(peer)).flat()]
  })
  await upkeep.measure(named, strangersMost)
  // Until everyone who belongs into the leaf set has answered, and just now, this node is none of them.
  await upkeep.each([...last.peers, last.peer, ...last.leaves, ...table.leaves.members], (peer) => upkeep.ask(peer))
  if (table.leaves.members.length === 0) return false
  upkeep.enter()
  if (!upkeep.isMember) return true
  upkeep.ports.log.info({ leaves: table.leaves.members.length, through: through.url }, 'place taken')
  await upkeep.tell(table.known)
  return true
}
