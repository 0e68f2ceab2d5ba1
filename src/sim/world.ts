/**
 * A world: many nodes, one thread, virtual time, and one seed from which everything follows.
 *
 *     const world = new World({ seed: 7 })
 *     const [first] = await world.boot(20)
 *     const { key } = await world.call(first, 'store', { value: 'hello' })
 *
 * After every instant in which a node's place in the ring changed, the properties of the ring are checked; the first
 * violation, like the first mistake in a node's code, ends the run with an error that says the seed.
 */
import assert from 'node:assert/strict'
import type { NodeApi } from '../node/api.ts'
import { type ErrorBody, Refusal } from '../protocol/errors.ts'
import type { Reply, Request } from '../protocol/rpc.ts'
import { type Id, shortId } from '../space/id.ts'
import { Population } from './population.ts'

/** A question to a node, and what has come of it so far. It stays waiting when the node dies. */
export type Asked<T> =
  | { readonly state: 'waiting' }
  | { readonly state: 'answered'; readonly reply: T }
  | { readonly state: 'refused'; readonly error: ErrorBody }

type Call = keyof NodeApi & string

export class World extends Population {
  /** Starts a network of so many nodes, in waves that double it; resolves when the ring is whole. */
  async boot(count: number): Promise<readonly Id[]> {
    for (let members = 0; members < count; members = this.members().length) {
      for (let newcomer = 0; newcomer < Math.min(Math.max(members, 1), count - members); newcomer++) this.add()
      await this.settle()
    }
    return this.members()
  }

  /** Asks a node to leave; it is gone once it has handed over. */
  leave(id: Id): Asked<Reply<NodeApi['leave']>> {
    const asked = this.ask(id, 'leave', {})
    if (!this.isStopping(id)) this.leaving.set(id, asked)
    return asked
  }

  /** Ends a node as SIGTERM does: it says goodbye and flushes. */
  stop(id: Id): void {
    const host = this.host(id)
    const { node, life } = host
    assert(node, `${shortId(id)} is not running`)
    this.history.mark(host, 'stop')
    this.leaving.set(id, { state: 'stopping' })
    const ended = () => {
      if (life === host.life) this.end(host)
    }
    host.after(0, () => {
      node.stop().then(ended, (error: unknown) => {
        // What the disk has no room for is lost, and the node stops all the same.
        if (error instanceof Refusal) ended()
        else this.history.blame(host, error)
      })
    })
  }

  /** Cuts the network into parts that cannot hear each other. Nodes in no part hear everyone. */
  partition(...parts: readonly (readonly Id[])[]): void {
    const partOf = new Map(parts.flatMap((part, at) => part.map((id) => [this.host(id).url, at] as const)))
    this.net.blocks = (from, to) => partOf.has(from) && partOf.has(to) && partOf.get(from) !== partOf.get(to)
  }

  /** Swallows what some say to others; the others are still heard. */
  deafen(speakers: readonly Id[], listeners: readonly Id[]): void {
    const from = new Set(speakers.map((id) => this.host(id).url))
    const to = new Set(listeners.map((id) => this.host(id).url))
    this.net.blocks = (speaker, listener) => from.has(speaker) && to.has(listener)
  }

  /** Ends all partitions. */
  heal(): void {
    this.net.blocks = () => false
  }

  /** Asks a node something, as its client; time must pass before there is an answer. */
  ask<N extends Call>(
    id: Id,
    name: N,
    request: Request<NodeApi[N]>,
    then: (asked: Asked<Reply<NodeApi[N]>>) => void = () => undefined,
  ): Asked<Reply<NodeApi[N]>> {
    const host = this.host(id)
    const { life } = host
    const asked: { state: Asked<unknown>['state'] } = { state: 'waiting' }
    host.after(0, () => {
      this.history.mark(host, `${name} ${JSON.stringify(request)}`)
      void this.net.serve(host, name, request).then((answer) => {
        if (life !== host.life && name !== 'leave') return
        this.history.mark(host, `${name}: ${JSON.stringify(answer)}`)
        Object.assign(asked, 'error' in answer ? { state: 'refused', ...answer } : { state: 'answered', ...answer })
        then(asked as Asked<Reply<NodeApi[N]>>)
      })
    })
    return asked as Asked<Reply<NodeApi[N]>>
  }

  /** Asks a node something, as its client, and lets time pass until it has answered. @throws Refusal */
  async call<N extends Call>(id: Id, name: N, request: Request<NodeApi[N]>): Promise<Reply<NodeApi[N]>> {
    const asked = this.ask(id, name, request)
    await this.until(
      () => asked.state !== 'waiting',
      10 * this.config.operationTimeoutMs,
      () => `no answer to ${name}`,
    )
    if (asked.state === 'answered') return asked.reply
    assert(asked.state === 'refused')
    const { error, message, ...details } = asked.error
    throw new Refusal(error, message, details)
  }

  /** Lets time pass. */
  async run(ms: number): Promise<void> {
    await this.timeline.run(ms, () => this.history.look())
    if (this.history.failure) throw this.history.failure
  }

  /** Lets time pass until something holds. @throws Error with what is seen instead, when it does not within that time */
  async until(holds: () => boolean, withinMs: number, seen: () => string): Promise<void> {
    let held = holds()
    if (!held) await this.timeline.run(withinMs, () => this.history.look() || (held = holds()))
    if (this.history.failure) throw this.history.failure
    if (!held) throw this.history.error(`not within ${withinMs} ms: ${seen()}`)
  }

  /** Lets time pass until everyone has joined and the ring is ideal. */
  async settle(withinMs = Math.max(120_000, 30 * this.config.stabilizeEveryMs), network = this.network): Promise<void> {
    const settled = () => this.guard(network).isIdeal && this.running(network).length === this.members(network).length
    await this.until(settled, withinMs, () => {
      const outside = this.running(network).flatMap((host) => {
        if (!host.id || !this.snapshot(network).has(host.id)) return [`${host.url} has not joined`]
        return this.host(host.id) === host ? [] : [`${host.url} has the id of ${this.host(host.id).url}`]
      })
      return [...outside, ...this.guards.of(network).imperfections()].slice(0, 20).join('\n')
    })
    this.guards.of(network).noteSettled()
  }
}
