/**
 * The nodes of a world and what befalls them: they start, die, start again, lose their disks, are stopped for a while. No time
 * passes here.
 */
import assert from 'node:assert/strict'
import type { NodeConfig } from '../node/config.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Peer } from '../protocol/schemas.ts'
import { type Id, idOf, shortId } from '../space/id.ts'
import { Ground } from './ground.ts'
import { epochMs, hash, type Host } from './host.ts'
import { stream } from './random.ts'

export interface Newcomer {
  /** Where it lives; a fresh address without it. */
  readonly url?: string
  /** An id that is not the hash of the url. */
  readonly id?: Id
  readonly network?: string
  /** Whom it joins through; some members of its network without it. */
  readonly seeds?: readonly Peer[]
}

export class Population extends Ground {
  readonly #random = stream(this.seed, 'world', 'choices')

  /** Members that are not about to go. */
  staying(): Id[] {
    const going = this.going()
    return this.members().filter((id) => !going.has(id))
  }

  /** A node for something that any node would do. */
  anyone(): Id {
    const ids = this.staying()
    assert(ids.length > 0, 'nobody is there to stay')
    return ids[this.#random.below(ids.length)] as Id
  }

  /** Starts a node with an empty disk, which joins as time goes by. */
  add({ url = this.places.freshUrl(), id, network = this.network, seeds }: Newcomer = {}): Id {
    const config = this.configOf(url, { network, ...(id === undefined ? {} : { id, allowCustomIds: true }) })
    const former = this.places.at(url)
    if (former) this.#wipe(former)
    return this.#start(this.places.place(url), config, seeds ?? this.#someMembers(network))
  }

  /** A node dies, at once and without a word. Its disk keeps what was flushed. */
  crash(id: Id): void {
    const host = this.host(id)
    this.history.mark(host, 'crash')
    this.ledger.repair()
    host.kill()
    this.accuse(this.ledger.lose(host.disk))
  }

  /** A node ends in good order. */
  protected end(host: Host): void {
    this.ledger.repair()
    host.halt()
    this.accuse(this.ledger.lose(host.disk))
  }

  /** The disk of a node that is gone is lost. */
  wipe(id: Id): void {
    const host = this.host(id)
    assert(!host.node, `${shortId(id)} is running`)
    this.history.mark(host, 'disk lost')
    this.#wipe(host)
  }

  /** There is no room on the disk of that node for a while. */
  fill(id: Id, ms: number): void {
    const host = this.host(id)
    const { disk } = host
    this.history.mark(host, 'disk full')
    disk.full = true
    this.timeline.after(ms, () => disk.clear())
  }

  /** There is no room on the disk of that node, and never will be. */
  jam(id: Id): void {
    const host = this.host(id)
    this.history.mark(host, 'disk full for good')
    host.disk.full = host.disk.jammed = true
  }

  /** Somebody sets the clock of the machine where that node lives, or lived last. */
  setClock(id: Id, byMs: number): void {
    const host = this.host(id)
    this.history.mark(host, `clock set by ${byMs} ms`)
    host.setClock(byMs)
    this.clocks.noteSet()
  }

  /** A node that is gone begins another life, with what its disk has kept. */
  restart(id: Id, seeds?: readonly Peer[]): void {
    const host = this.host(id)
    assert(!host.node, `${shortId(id)} is running`)
    this.history.mark(host, 'restart')
    const config = this.configOf(host.url, {
      incarnation: epochMs + this.nowMs + host.setMs,
      ...(id === idOf(hash(host.url), id.length * 4) ? {} : { id, allowCustomIds: true }),
    })
    this.#start(host, config, seeds ?? this.#someMembers(this.network))
  }

  /** Stops a node as SIGSTOP does; it goes on later with what it believed. */
  pause(id: Id, ms: number): void {
    this.history.mark(this.host(id), 'pause')
    this.host(id).pause(ms)
  }

  #wipe(host: Host): void {
    const { disk } = host
    this.ledger.repair()
    host.wipe()
    this.accuse(this.ledger.lose(disk))
  }

  #start(host: Host, config: NodeConfig, seeds: readonly Peer[]): Id {
    const node = host.boot(config)
    const { id } = node.me
    this.leaving.delete(id)
    this.places.settle(id, host)
    this.ledger.regain(host.disk)
    this.clocks.noteLife(host)
    const { life } = host
    host.after(0, () => {
      node.start(seeds).catch((error: unknown) => {
        if (life !== host.life) return
        if (!(error instanceof Refusal)) return this.history.blame(host, error)
        this.history.note(host, 'info', { why: error.message }, 'node gave up')
        this.end(host)
      })
    })
    return id
  }

  /** As many members as a joiner is told of. */
  #someMembers(network: string): Peer[] {
    const ids = [...this.members(network)]
    const ways = Math.min(ids.length, 4)
    return Array.from({ length: ways }, () => this.peer(...(ids.splice(this.#random.below(ids.length), 1) as [Id])))
  }
}
