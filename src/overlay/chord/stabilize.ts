/**
 * Keeping the ring: Zave's corrected Chord (TSE'17), not the rules of 2001.
 *
 * Nothing is adopted that has not answered in the same step; head and tail of the successor list change together; a
 * predecessor gives way to a nearer one, or when it is dead.
 */
import { Unreachable } from '../../protocol/errors.ts'
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { between } from '../../space/ring.ts'
import type { Candidacy, Candidate } from './api.ts'
import { samePeer } from './predecessors.ts'
import type { Ring } from './ring.ts'

/**
 * done: nothing more to do until next time; stale: our list was copied meanwhile, try again soon; alone: nobody is left; a peer:
 * whom our successor knows by our id.
 */
export type Outcome = 'done' | 'stale' | 'busy' | 'alone' | Peer

/**
 * Zave's stabilizeFromSuccessor, and stabilizeFromPredecessor where the successor knows of someone between.
 * Of a ring of two whose other node is gone, as its machine says, a ring of one is left: nothing was acknowledged without this node.
 * @param leaver who has said that it goes, and leaves this node alone: then it is one as well
 */
export const stabilize = (ring: Ring, leaver?: Id): Promise<Outcome> =>
  ring.step(async () => {
    const { table, me } = ring
    const before = table.revision
    const isOfTwo = table.isClosed && table.successors.length === 1
    while (ring.isMember) {
      const head = table.successor
      const answer = head.id === me.id ? { predecessor: table.predecessor, successors: [] } : await ring.ask(head)
      if (answer === 'stale' || answer === 'busy') return answer
      if (answer === 'dead') {
        if (table.successors.length > 1) {
          drop(ring, head)
          continue
        }
        const outcome = head.id === leaver ? 'alone' : await bridge(ring)
        if (outcome !== 'alone' || !(head.id === leaver || (isOfTwo && ring.areOthersGone))) return outcome
        table.clear()
        ring.noteChange()
        return 'done'
      }
      if (head.id !== me.id) adopt(ring, [head, ...answer.successors])
      const outcome = await adoptBetween(ring, head, answer.predecessor)
      // To hear again what it has just said would change nothing; of what is news our predecessor hears at once.
      const isKnown = answer.predecessor.id === me.id && table.successor.id === head.id
      const isNews = table.revision !== before || !table.isAcknowledged
      if (!isKnown) await offerToSuccessor(ring)
      if (isNews) await offerToPredecessor(ring)
      // News of it may be lost.
      const { predecessor } = table
      if (table.isAcknowledged && !table.isPredecessorAcknowledged && !ring.isQuarantined(predecessor.id))
        await follow(ring, predecessor)
      return outcome
    }
    return 'done'
  })

/**
 * Goes on as a member where every successor has died: were it none, its predecessor would have lost all of its own next, and so on round
 * the ring. The first who lives after the dead is known to those behind it.
 */
const bridge = async (ring: Ring): Promise<Outcome> => {
  for (const contact of await ring.onward()) {
    const list = await firstUpTo(ring, contact)
    if (list === 'stale') return list
    if (typeof list === 'string') continue
    adopt(ring, list)
    await offerToSuccessor(ring)
    await offerToPredecessor(ring)
    return 'done'
  }
  return 'alone'
}

/** So many steps back are made at once: whoever names ever earlier ones must not keep us. */
const backMost = 32

/** The first who answers between this node and that peer, or the peer itself, and those after it. */
const firstUpTo = async (ring: Ring, peer: Peer, steps = backMost): Promise<readonly Peer[] | 'dead' | 'busy' | 'stale'> => {
  const answer = steps > 0 ? await ring.ask(peer) : 'dead'
  if (typeof answer === 'string') return answer
  const { predecessor, successors } = answer
  const isBetween = between(ring.me.id, predecessor.id, peer.id)
  const earlier = isBetween ? await firstUpTo(ring, predecessor, steps - 1) : 'dead'
  return earlier === 'dead' || earlier === 'busy' ? [peer, ...successors] : earlier
}

/**
 * Zave's rectify: someone says that it may be our predecessor. When it is already, those before it have changed.
 * @param choose the candidate, once it is its turn; of one named by a leaver nobody knows whether it has us for its successor
 */
export const rectify = (ring: Ring, choose: () => Candidate): Promise<void> =>
  ring.step(async () => {
    const { table, me } = ring
    const { leaving, ...candidate } = choose()
    if (!ring.isMember || candidate.id === me.id) return
    if (await givesWay(ring, table.predecessor, candidate))
      await follow(ring, candidate, leaving === undefined || table.isAcknowledged)
    else if (leaving === undefined && !table.isPredecessorAcknowledged) await acknowledge(ring, candidate)
  })

/** Whether one before us gives way to a candidate: to its own news, to one that is nearer, or because it does not answer. */
const givesWay = async (ring: Ring, current: Peer, candidate: Peer): Promise<boolean> =>
  samePeer(candidate, current) ||
  between(current.id, candidate.id, ring.me.id) ||
  ring.isQuarantined(current.id) ||
  (await predecessorsOf(ring, current)) === undefined

/** What is ours begins with whoever is acknowledged and has us for its successor, for want of one that is nearer and acknowledged. */
const acknowledge = async (ring: Ring, candidate: Peer): Promise<void> => {
  const { table } = ring
  const [first] = table.predecessors
  if (!first || !(await givesWay(ring, first, candidate))) return
  const before = await predecessorsOf(ring, candidate)
  if (!before || !ring.isMember) return
  if (!table.acknowledgePredecessors([candidate, ...before], ring.ports.clock.now())) return
  ring.noteChange()
  await offerToSuccessor(ring)
}

/** Refreshes the hint of who comes before our predecessor; tells also whether that one is alive. */
export const checkPredecessor = (ring: Ring): Promise<void> =>
  ring.step(async () => {
    const { predecessor } = ring.table
    if (ring.isMember && ring.table.isAcknowledged && predecessor.id !== ring.me.id) await follow(ring, predecessor)
  })

/**
 * Makes that peer our predecessor if it answers, with those before it; whoever comes after us hears of it if that is news, and so does the one
 * before, where it is to come between.
 * @param counts whether it has us for its successor
 */
const follow = async (ring: Ring, predecessor: Peer, counts = true): Promise<void> => {
  const before = await predecessorsOf(ring, predecessor)
  if (!before || !ring.isMember) return
  const was = ring.table.predecessor
  if (!adoptPredecessor(ring, [predecessor, ...(counts ? before : [])])) return
  // Else two rings that have met would grow together by one node in each round.
  if (was.id !== ring.me.id && between(was.id, predecessor.id, ring.me.id))
    ring.later(() => ring.call(was, 'offerSuccessor', predecessor))
  await offerToSuccessor(ring)
}

/**
 * Asks for a sign of life: who precedes that peer, or undefined when it does not answer.
 * @throws Refusal of one that is there and behind with its work: it must not be taken for dead, so the step is not made
 */
export const predecessorsOf = async (ring: Ring, peer: Peer): Promise<Peer[] | undefined> => {
  if (peer.id === ring.me.id) return [...ring.table.predecessors]
  try {
    return (await ring.reach(peer, 'predecessors', {})).predecessors.filter((one) => ring.isSound(one))
  } catch (error) {
    if (error instanceof Unreachable) return undefined
    throw error
  }
}

const adoptBetween = async (ring: Ring, head: Peer, candidate: Peer): Promise<Outcome> => {
  if (candidate.id === ring.me.id && candidate.url !== ring.me.url)
    return (await ring.ask(candidate)) === 'dead' ? 'done' : candidate
  if (candidate.id === ring.me.id || !between(ring.me.id, candidate.id, head.id)) return 'done'
  const answer = await ring.ask(candidate)
  // Of a ring of two whose other node died before we had it for our successor, a ring of one is left.
  if (answer === 'dead' && head.id === ring.me.id) adoptPredecessor(ring, [])
  if (answer === 'dead') return 'done'
  if (answer === 'stale' || answer === 'busy') return answer
  adopt(ring, [candidate, ...answer.successors])
  return 'done'
}

/** Tells our successor of us. */
export const offerToSuccessor = async (ring: Ring): Promise<void> => {
  const { me, table } = ring
  if (table.successor.id !== me.id) await ring.call(table.successor, 'offerPredecessor', me)
}

/**
 * Tells our predecessor of us; when it has somebody nearer for its successor, that one, and so on: several may have come at once. Who
 * has us for its successor acknowledges us.
 */
export const offerToPredecessor = async (ring: Ring): Promise<void> => {
  const { me, table } = ring
  let at: Peer | undefined = table.predecessor
  while (at && at.id !== me.id && !ring.isQuarantined(at.id)) {
    const answer: Candidacy | undefined = await ring.call(at, 'offerSuccessor', me)
    if (!answer) return
    const { accepted, current }: Candidacy = answer
    if (current.id === me.id && !table.isAcknowledged) await follow(ring, at)
    at = !accepted && ring.isSound(current) && between(at.id, current.id, me.id) ? current : undefined
  }
}

const adopt = (ring: Ring, list: readonly Peer[]): void => {
  const was = ring.table.successor
  if (!ring.table.adoptSuccessors(list)) return
  const { successor } = ring.table
  if (successor.id !== was.id) ring.ports.log.info({ successor, was: was.id }, 'successor adopted')
  ring.noteChange()
}

const drop = (ring: Ring, head: Peer): void => {
  ring.table.dropSuccessor(head.id)
  ring.ports.log.info({ peer: head }, 'successor lost')
  ring.noteChange()
}

const adoptPredecessor = (ring: Ring, list: readonly Peer[]): boolean => {
  const was = ring.table.predecessor
  if (!ring.table.adoptPredecessors(list, ring.ports.clock.now())) return false
  const { predecessor } = ring.table
  if (predecessor.id !== was.id) ring.ports.log.info({ predecessor, was: was.id }, 'predecessor adopted')
  ring.noteChange()
  return true
}
