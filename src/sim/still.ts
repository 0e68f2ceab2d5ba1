/** A ring of Chord at rest: every node's table as stabilisation and the finger refresh leave it. */
import assert from 'node:assert/strict'
import { Table } from '../overlay/chord/table.ts'
import type { Route } from '../protocol/peer-api.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { distance, fingerStart, inArc, successorOf } from '../space/ring.ts'
import { StillNetwork } from './still-network.ts'

/** Candidates that one answer names, as in the content layer. */
const breadth = 8

export interface StillOptions {
  /** Length of every successor list. */
  readonly successors: number
  /** Whether nodes know their predecessor, and so what they own. Chord's own lookup (ToN'03, Figs. 3, 5) does not use it. */
  readonly predecessor: boolean
}

export class StillRing extends StillNetwork {
  readonly #tables: ReadonlyMap<Id, Table>

  /** @param peers clockwise, by id */
  constructor(peers: readonly Peer[], options: StillOptions) {
    super(peers)
    this.#tables = new Map(peers.map((me, at) => [me.id, tableAtRest(peers, at, options)]))
  }

  /** What that node knows. */
  table(id: Id): Table {
    const table = this.#tables.get(id)
    assert(table, `${id} is not in this ring`)
    return table
  }

  protected route(at: Peer, key: Id, avoid: ReadonlySet<Id>): Route {
    return this.table(at.id).route(key, breadth, avoid, 'fingers')
  }
}

const tableAtRest = (peers: readonly Peer[], at: number, { successors, predecessor }: StillOptions): Table => {
  const me = peers[at] as Peer
  const table = new Table(me, { replicas: 1, ownership: 'successor', successors })
  const ahead = Math.min(successors + 1, peers.length)
  table.adoptSuccessors(Array.from({ length: ahead }, (_, n) => peers[(at + 1 + n) % peers.length] as Peer))
  // A lone node precedes itself, whoever tells.
  if (predecessor && peers.length > 1) table.adoptPredecessors([peers.at(at - 1) as Peer, peers.at(at - 2) ?? me], 0)
  const last = table.successors.at(-1)
  if (last && !table.isClosed) table.replaceFingers(fingersAtRest(peers, me, last))
  return table
}

/** The first node at or after each finger's start, for the indices beyond the successor list. */
const fingersAtRest = (peers: readonly Peer[], me: Peer, last: Peer): Map<number, Peer> => {
  const fingers = new Map<number, Peer>()
  let finger = last
  for (let index = distance(me.id, last.id).toString(2).length; index < me.id.length * 4; index++) {
    const start = fingerStart(me.id, index)
    if (!inArc(me.id, start, finger.id)) finger = peers[successorOf(peers, start)] as Peer
    if (finger.id === me.id || !inArc(me.id, start, finger.id)) break
    fingers.set(index, finger)
  }
  return fingers
}
