/**
 * A ring at rest: every node's table as stabilisation and the finger refresh leave it, read off the sorted list of peers.
 *
 * No time passes and no message travels, so 100 000 nodes fit. Lookups are the one that every node runs, over the tables
 * that serve requests. Nodes may be dead; nobody learns of it but the lookup that runs into them, as in Chord (ToN'03)
 * §V-D, where stabilisation stops just before the failures.
 */
import assert from 'node:assert/strict'
import { Table } from '../overlay/chord/table.ts'
import { Lookup } from '../overlay/lookup.ts'
import type { Clock } from '../ports.ts'
import { Unreachable } from '../protocol/errors.ts'
import type { Hop, Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { distance, fingerStart, inArc, successorOf } from '../space/ring.ts'

/** Candidates that one answer names, as in the content layer. */
const breadth = 8

/** What waits here never wakes, and what is periodic never runs. */
const stillClock: Clock = { now: () => 0, sleep: () => new Promise(() => undefined), every: () => () => undefined }

const nobody: ReadonlySet<Id> = new Set()

export interface StillOptions {
  /** Length of every successor list. */
  readonly successors: number
  /** Whether nodes know their predecessor, and so what they own. Chord's own lookup (ToN'03, Figs. 3, 5) does not use it. */
  readonly predecessor: boolean
}

/** Where a lookup ended, and everyone it contacted on the way, in order: the owner last, the dead marked. */
export interface Travel {
  readonly owner: Peer
  readonly path: readonly Hop[]
}

export class StillRing {
  readonly #tables: ReadonlyMap<Id, Table>
  #dead = nobody

  /** @param peers clockwise, by id */
  constructor(peers: readonly Peer[], options: StillOptions) {
    assert(
      peers.every(({ id }, at) => at === 0 || (peers[at - 1] as Peer).id < id),
      'the peers are not in order of their ids, each once',
    )
    this.#tables = new Map(peers.map((me, at) => [me.id, tableAtRest(peers, at, options)]))
  }

  /** What that node knows. */
  table(id: Id): Table {
    const table = this.#tables.get(id)
    assert(table, `${id} is not in this ring`)
    return table
  }

  /** From now on exactly these do not answer. */
  kill(dead: ReadonlySet<Id>): void {
    this.#dead = dead
  }

  /**
   * Goes from one node to the first that owns the key and lives.
   * @throws Refusal NO_ROUTE when nobody who lives knows more
   */
  async lookup(from: Peer, key: Id): Promise<Travel> {
    const lookup = new Lookup(
      {
        local: (avoid) => this.table(from.id).route(key, breadth, avoid, 'fingers'),
        ask: (peer, avoid) => this.#answer(peer, (table) => table.route(key, breadth, avoid, 'fingers')),
        evict: () => undefined,
        isSuspect: () => false,
      },
      stillClock,
    )
    for (;;) {
      const [owner] = (await lookup.window()) as [Peer]
      const reached = await lookup.visit(owner, () => this.#answer(owner, ({ me }) => me))
      if (reached) return { owner: reached, path: lookup.path }
    }
  }

  async #answer<T>(peer: Peer, ask: (table: Table) => T): Promise<T> {
    if (this.#dead.has(peer.id)) throw new Unreachable(peer.url, 'it is dead')
    return ask(this.table(peer.id))
  }
}

const tableAtRest = (peers: readonly Peer[], at: number, { successors, predecessor }: StillOptions): Table => {
  const me = peers[at] as Peer
  const table = new Table(me, { replicas: 1, ownership: 'successor', successors })
  const ahead = Math.min(successors + 1, peers.length)
  table.adoptSuccessors(Array.from({ length: ahead }, (_, n) => peers[(at + 1 + n) % peers.length] as Peer))
  if (predecessor) table.adoptPredecessors([peers.at(at - 1) as Peer])
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
