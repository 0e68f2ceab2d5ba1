/**
 * Coming into a ring, and going out of it.
 *
 * Zave's join (TSE'17): a joiner copies the whole successor list of the node before it, from that node itself. It sets its
 * own state first, then tells its successor, last its predecessor, so that no lookup passes through an unready node.
 */
import { Refusal } from '../../protocol/errors.ts'
import type { Peer } from '../../protocol/schemas.ts'
import { between } from '../../space/ring.ts'
import { idTaken } from '../caller.ts'
import type { Ring } from './ring.ts'
import { offerToPredecessor, offerToSuccessor, predecessorsOf } from './stabilize.ts'

/** A ring of one. */
export const found = (ring: Ring): Promise<void> =>
  ring.step(async () => {
    if (ring.isMember) return
    ring.table.clear()
    ring.enter()
    ring.ports.log.info({}, 'ring founded')
  })

/**
 * One attempt to join through a peer. False when the place it named is no longer the right one: try again.
 * @throws Unreachable when that peer is no member; Refusal ID_TAKEN, BAD_ID
 */
export const joinThrough = async (ring: Ring, contact: Peer): Promise<boolean> => {
  const { me, table } = ring
  const place = await ring.reach(contact, 'join', me)
  // The contact may be gone in a moment: these are whom to ask then.
  for (const peer of [place.predecessor, ...place.successors]) ring.introduce(peer)
  const joined = await ring.step(async () => {
    if (ring.isMember) return true
    const answer = await ring.ask(place.predecessor)
    if (typeof answer === 'string') return false
    const list = await fromFirstAlive(ring, wholeList(answer.self, answer.successors, me), place.successors)
    if (!list || answer.self.id === me.id || !between(answer.self.id, me.id, list[0]?.id ?? answer.self.id)) return false
    table.enter(answer.self, list, ring.ports.clock.now())
    ring.enter()
    return true
  })
  if (!joined) return false
  if (!ring.isMember) return true
  ring.ports.log.info({ predecessor: table.predecessor, successor: table.successor, through: contact.url }, 'ring joined')
  await offerToSuccessor(ring)
  await ring.step(() => offerToPredecessor(ring))
  return true
}

/** The list that a joiner copies: without its own former life, and closed where it comes round to who gave it. */
const wholeList = (self: Peer, successors: readonly Peer[], me: Peer): Peer[] => {
  const list = successors.filter(({ id }) => id !== me.id)
  if (list.length === 0) return [self, me]
  const round = list.findIndex(({ id }) => id === self.id)
  return round < 0 ? list : [...list.slice(0, round + 1), me]
}

/**
 * The list without the dead at its head. When nobody on it is left, the list of the node that the contact has found alive: a
 * dead node that is passed round in copied lists would otherwise keep everyone out.
 */
const fromFirstAlive = async (ring: Ring, list: readonly Peer[], found: readonly Peer[]): Promise<Peer[] | undefined> => {
  for (const [at, peer] of list.entries())
    if (await lives(ring, peer)) return peer.id === ring.me.id && at === 0 ? undefined : list.slice(at)
  const [head] = found
  const answer = head && (await ring.ask(head))
  return answer && typeof answer !== 'string' ? [head, ...answer.successors] : undefined
}

/** Whoever refuses does: it is to be come in beside. */
const lives = async (ring: Ring, peer: Peer): Promise<boolean> => peer.id === ring.me.id || ring.isThere(peer)

/**
 * Where a joiner belongs: the node before it, and those after; the first of these answers.
 * @throws Refusal BAD_ID, ID_TAKEN, NO_ROUTE, NOT_JOINED
 */
export const placeOf = async (ring: Ring, joiner: Peer): Promise<{ predecessor: Peer; successors: Peer[] }> => {
  ring.assertSound(joiner)
  const around = await ring.nodesAround(joiner.id)
  const holder = around.find(({ id }) => id === joiner.id)
  if (holder && holder.url !== joiner.url && (await predecessorsOf(ring, holder))) throw idTaken(holder)
  const avoid = new Set([joiner.id])
  // Whoever names ever new ones who are not there must not keep us.
  for (let dead = 0; dead <= ring.options.successors; dead++) {
    const [predecessor = ring.me, ...successors] = await ring.nodesAround(joiner.id, { avoid })
    const [head = predecessor] = successors
    if (await lives(ring, head)) return { predecessor, successors: successors.length > 0 ? successors : [head] }
    avoid.add(head.id)
  }
  throw new Refusal('NO_ROUTE', 'nobody after that place is alive; try again in a second')
}

/**
 * Gives the place up and joins the neighbours to each other. From then on this node answers nothing about the ring.
 * @param except someone to tell the neighbours of, whose ring they should look at
 */
export const resign = (ring: Ring, except?: Peer): Promise<void> =>
  ring.step(async () => {
    const { table, me } = ring
    const { successor, predecessor } = table
    if (!ring.isMember) return
    ring.exit()
    if (successor.id === me.id) return
    if (except) await Promise.all([successor, predecessor].map((peer) => ring.call(peer, 'meet', except)))
    await ring.call(successor, 'offerPredecessor', { ...predecessor, leaving: me.id })
    await ring.call(predecessor, 'offerSuccessor', { ...successor, leaving: me.id })
  })
