/**
 * Nodes of a ring in which nothing changes: real tables and real content, and between them calls that are answered at once, refused,
 * or not answered. Time passes only while everyone waits for it.
 */
import { Content } from '../../src/content/content.ts'
import { MemoryStore } from '../../src/content/memory-store.ts'
import { everywhere } from '../../src/content/records.ts'
import { type Directory, nobodyKnown } from '../../src/membership/directory.ts'
import { Table } from '../../src/overlay/chord/table.ts'
import type { Overlay } from '../../src/overlay/overlay.ts'
import type { Clock, Ports, Store } from '../../src/ports.ts'
import { Unreachable } from '../../src/protocol/errors.ts'
import type { PeerApi } from '../../src/protocol/peer-api.ts'
import type { Handlers, Network } from '../../src/protocol/rpc.ts'
import type { Mode, Peer } from '../../src/protocol/schemas.ts'
import { hash } from '../../src/service/hash.ts'
import { type Id, idOf } from '../../src/space/id.ts'

export const replicas = 3
export const callTimeoutMs = 1500
const lateMs = 5
const successors = 5
const bits = 160

export const peerAt = (number: number): Peer => {
  const url = `http://127.0.0.1:${20_000 + number}`
  return { id: idOf(hash(url), bits), url }
}

export interface StillNode {
  readonly me: Peer
  readonly content: Content
  readonly table: Table
  /** Who this node believes is there. */
  view: Directory
}

/** A view of these, none of them known to be dead. */
export const viewOf = (peers: readonly Peer[], suspects: readonly Peer[] = []): Directory => ({
  isKnown: true,
  peers: [...peers].sort((a, b) => (a.id < b.id ? -1 : 1)),
  isSuspect: (id) => suspects.some((peer) => peer.id === id),
  isDead: () => false,
  isAccompanied: peers.length > 1,
  reunitedAt: -Infinity,
  aheadMs: 0,
})

export class StillRing {
  readonly nodes: readonly StillNode[]
  /** Those whose connections are refused. */
  readonly refusing = new Set<Id>()
  /** Those who answer some milliseconds after the others. */
  readonly late = new Set<Id>()
  /** Those who take what they are asked and do not answer. */
  readonly silent = new Set<Id>()
  /** How many calls of each row there were. */
  readonly calls: Partial<Record<keyof PeerApi, number>> = {}
  readonly #handlers = new Map<Id, Partial<Handlers<PeerApi>>>()
  readonly #sleepers: { at: number; wake: () => void }[] = []
  /** ms since 1970; it passes when nothing else happens, or as it is set. */
  now = 1_700_000_000_000

  readonly #makeStore: () => Store

  /**
   * @param hermits nodes beside the ring: each believes that it is alone, and holds everything
   * @param makeStore called for each node, in their order
   */
  constructor(count: number, mode: Mode, hermits = 0, makeStore: () => Store = () => new MemoryStore()) {
    this.#makeStore = makeStore
    const peers = Array.from({ length: count }, (_, at) => peerAt(at)).sort((a, b) => (a.id < b.id ? -1 : 1))
    const ring = peers.map((me, at) => {
      const table = new Table(me, { replicas, ownership: 'successor', successors })
      const after = (places: number) => peers[(at + places + count) % count] as Peer
      table.adoptSuccessors(Array.from({ length: Math.min(successors, count) }, (_, place) => after(place + 1)))
      table.adoptPredecessors(count === 1 ? [] : Array.from({ length: replicas }, (_, place) => after(-place - 1)), 0)
      table.replaceFingers(new Map([2, 4, 8].filter((far) => far < count).map((far, index) => [index, after(far)])))
      return this.#add(table, mode)
    })
    const alone = Array.from({ length: hermits }, (_, at) => {
      const table = new Table(peerAt(count + at), { replicas, ownership: 'successor', successors })
      return this.#add(table, mode)
    })
    this.nodes = [...ring, ...alone]
  }

  /** The owner of a key and those after it, of the ring itself. */
  line(key: Id, count = replicas): StillNode[] {
    const ring = this.nodes.filter(({ table }) => !table.isLone)
    const first = Math.max(
      0,
      ring.findIndex(({ me }) => me.id >= key),
    )
    return Array.from({ length: count }, (_, at) => ring[(first + at) % ring.length] as StillNode)
  }

  /** What comes of it; time passes when nothing else happens. */
  async outcome<T>(work: Promise<T> | T): Promise<{ reply: T } | { error: unknown }> {
    let done: { reply: T } | { error: unknown } | undefined
    Promise.resolve(work).then(
      (reply) => (done = { reply }),
      (error: unknown) => (done = { error }),
    )
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      if (done) return done
      const next = Math.min(...this.#sleepers.map(({ at }) => at))
      if (next === Infinity) throw new Error('everyone waits for ever')
      this.now = next
      for (const sleeper of this.#sleepers.splice(0))
        if (sleeper.at <= next) sleeper.wake()
        else this.#sleepers.push(sleeper)
    }
  }

  #add(table: Table, mode: Mode): StillNode {
    const { me } = table
    const directory: Directory = {
      get isKnown() {
        return node.view.isKnown
      },
      get peers() {
        return node.view.peers
      },
      isSuspect: (id) => node.view.isSuspect(id),
      isDead: (id) => node.view.isDead(id),
      get isAccompanied() {
        return node.view.isAccompanied
      },
      get reunitedAt() {
        return node.view.reunitedAt
      },
      aheadMs: 0,
    }
    const clock: Clock = {
      now: () => this.now,
      wall: () => this.now,
      sleep: (ms) => this.#sleep(ms),
      every: () => () => {},
    }
    const nothing = () => {}
    const ports: Ports<PeerApi> = {
      clock,
      hash,
      network: { call: (peer, name, request) => this.#call(peer, name, request) },
      datagrams: { send: nothing },
      random: { below: () => 0 },
      store: this.#makeStore(),
      log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    }
    const options = {
      replicas,
      mode,
      modes: ['fingers', 'linear', 'onehop'] as const,
      bits,
      incarnation: 0,
      operationTimeoutMs: 10_000,
      graceMs: 1000,
      quotaBytes: 1024 * 1024,
    }
    const content = new Content(me, overlayOf(table), ports, options, nothing, directory)
    content.holdings.cells.all()
    content.holdings.cells.completeness.declare(everywhere(me.id.length), true)
    const node: StillNode = { me, content, table, view: nobodyKnown }
    this.#handlers.set(me.id, {
      ...content.handlers,
      route: ({ key, count, avoid, mode: way }) => table.route(key, count, new Set(avoid), way),
    })
    return node
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((wake) => this.#sleepers.push({ at: this.now + ms, wake }))
  }

  async #call<N extends keyof PeerApi>(peer: Peer, name: N, request: Parameters<Network<PeerApi>['call']>[2]): Promise<never> {
    this.calls[name] = (this.calls[name] ?? 0) + 1
    const answer = this.#handlers.get(peer.id)?.[name] as ((request: object) => unknown) | undefined
    if (!answer || this.refusing.has(peer.id)) throw new Unreachable(peer.url, 'connection refused')
    if (this.silent.has(peer.id)) {
      await this.#sleep(callTimeoutMs)
      throw new Unreachable(peer.url, `nothing within ${callTimeoutMs} ms`)
    }
    if (this.late.has(peer.id)) await this.#sleep(lateMs)
    return structuredClone(await answer(request)) as never
  }
}

const overlayOf = (table: Table): Overlay => ({
  confirm: 0,
  isMember: true,
  isMoving: false,
  isLeaving: false,
  hasFounded: true,
  revision: 1,
  isDegraded: false,
  acquaintances: [],
  attributes: {},
  route: (key, count, avoid, mode) => table.route(key, count, avoid, mode),
  place: table.place,
  heldBy: table.heldBy,
  cells: () => table.cells(),
  neighbors: () => table.neighbors(),
  isSound: () => true,
  introduce: () => {},
  admit: () => {},
  evict: () => {},
  join: () => Promise.resolve(),
  leave: () => Promise.resolve(),
  jobs: [],
})
