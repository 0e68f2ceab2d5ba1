/**
 * Where this node has had everything that was written, and how sure that is: witnessed by someone who had it, or only presumed,
 * because those who may have more were given up.
 */
import { completeMost } from '../protocol/peer-api.ts'
import type { Peer } from '../protocol/schemas.ts'
import { Arcs } from '../space/arcs.ts'
import type { Id } from '../space/id.ts'
import type { Arc } from '../space/ring.ts'

/**
 * How long at most a node says that it had everything of an arc which others hold by now, or which was left to it, however often it is
 * asked: where calls take long it is asked again and again.
 */
const formerMs = 15_000
/**
 * Within that, how long it goes on saying so after it gave the arc up, was left it, or was asked last: those who have everything ask no
 * more, and of what is written from then on it does not know. Of what it holds itself it says so for this long at most, however often it
 * is asked: others who came with it have gone, or have found their places, by then.
 */
const againMs = 5000

interface Former {
  readonly arcs: Arcs
  /** By `Clock.now`. */
  readonly cededAt: number
  /** When it was asked about last, or ceded. */
  readonly askedAt: number
  /** It was another's, who has gone and has left all of it to this node. */
  readonly isInherited?: boolean
  /** This node gave its whole place up for it: others may have held it for long, in another ring. */
  readonly isYielded?: boolean
  /** Who was there when it was ceded, and each time that this changed since. */
  readonly views: readonly (readonly Peer[])[]
}

export class Completeness {
  /** What this node holds and has had everything of. */
  #complete = Arcs.none
  #presumed = Arcs.none
  #held = Arcs.none
  /** What was complete before others came into it, and what was inherited. */
  #former: readonly Former[] = []

  has(key: Id): boolean {
    return this.#complete.has(key)
  }

  covers(arc: Arc): boolean {
    return this.#complete.covers(arc)
  }

  /** All of which this node holds and has had everything. */
  get known(): Arcs {
    return this.#complete
  }

  /** That of it of which nothing was ever given up. */
  get witnessed(): Arcs {
    return this.#complete.without(this.#presumed)
  }

  /**
   * Everything on an arc is here, as far as anyone knows.
   * @param witnessed by someone who has had it all; otherwise those who may have more were given up
   */
  declare(arc: Arc, witnessed: boolean): void {
    const arcs = Arcs.of([arc])
    this.#complete = this.#complete.plus(arcs)
    this.#disinherit(arcs)
    this.#presumed = witnessed ? this.#presumed.without(arcs) : this.#presumed.plus(arcs)
  }

  /**
   * Only what this node holds is complete; that more was so before, others are told for a while. So are they by one that has given its
   * whole place up: of two rings that become one, those of the smaller give it up together, and had everything together.
   * @param held all that it holds from now on
   * @param others who is there, as far as this node knows
   */
  cut(held: Arcs, now: number, others: readonly Peer[]): void {
    const ceded = this.#complete.without(held)
    // Whoever holds it by now may have been given more.
    this.#disinherit(this.#held.without(held))
    const former = this.#formerly(now)
    if (!ceded.isEmpty) former.push({ arcs: ceded, cededAt: now, askedAt: now, isYielded: held.isEmpty, views: [] })
    this.#former = former.map((one) => (areSame(one.views.at(-1), others) ? one : { ...one, views: [...one.views, others] }))
    this.#complete = this.#complete.within(held)
    this.#held = held
  }

  /** One that goes had everything there, of which nothing was ever given up on what is witnessed, and this node has it now. */
  inherit(known: Arcs, witnessed: Arcs, now: number): void {
    this.#former = [...this.#formerly(now), { arcs: known, cededAt: now, askedAt: now, isInherited: true, views: [] }]
    const presumed = known.without(witnessed).without(this.witnessed)
    this.#presumed = this.#presumed.without(known).plus(presumed)
  }

  /** What was inherited a moment ago: nobody else has been given yet what is written there. */
  inherited(now: number): { readonly known: Arcs; readonly witnessed: Arcs } {
    const known = this.#former.reduce(
      (all, { arcs, cededAt, isInherited }) => (isInherited && isWithin(againMs, cededAt, now) ? all.plus(arcs) : all),
      Arcs.none,
    )
    return { known, witnessed: known.without(this.#presumed) }
  }

  /** Nothing is complete any more. */
  forget(): void {
    this.#complete = Arcs.none
    this.#former = []
  }

  /**
   * Where on an arc this node has had everything, as it may be told to another; it is noted that it was asked.
   *
   * Who came when this node gave the arc up, or later, is told of it. Who was there and did not hold it, then or later, holds it only since
   * others have gone, who were given more. Where this node gave its whole place up, only those are told who were in its ring.
   * @param held where who asks would hold these arcs, were these all who are there
   */
  claims(
    arc: Arc,
    now: number,
    by: Id,
    held: (arcs: Arcs, others: readonly Peer[]) => Arcs,
  ): { complete: Arc[]; witnessed: Arc[] } {
    let known = this.#complete
    if (this.#former.length > 0) {
      const asked = Arcs.of([arc])
      this.#former = this.#formerly(now).map((former) => {
        const had = former.arcs.within(asked)
        const knows = (view: readonly Peer[] | undefined) => view?.some(({ id }) => id === by) ?? false
        if (former.isYielded && !knows(former.views[0])) return former
        const told = former.isInherited ? had : former.views.filter(knows).reduce(held, had)
        if (told.isEmpty) return former
        known = known.plus(told)
        return { ...former, askedAt: now }
      })
    }
    const within = (arcs: Arcs) => {
      if (arcs.covers(arc)) return [{ from: arc.from, to: arc.to }]
      return arcs
        .within(Arcs.of([arc]))
        .arcs()
        .slice(0, completeMost)
    }
    return { complete: within(known), witnessed: within(known.without(this.#presumed)) }
  }

  #disinherit(arcs: Arcs): void {
    this.#former = this.#former.map((former) => (former.isInherited ? { ...former, arcs: former.arcs.without(arcs) } : former))
  }

  #formerly(now: number): Former[] {
    return this.#former.flatMap((former) => {
      const { arcs, cededAt, askedAt } = former
      if (!isWithin(formerMs, cededAt, now) || !isWithin(againMs, askedAt, now)) return []
      return [isWithin(againMs, cededAt, now) ? former : { ...former, arcs: arcs.without(this.#held) }]
    })
  }
}

const areSame = (some: readonly Peer[] | undefined, others: readonly Peer[]): boolean =>
  some?.length === others.length && some.every(({ id }, at) => id === others[at]?.id)

/** Whether so many ms have not gone by since then: the clock may have been set back. */
export const isWithin = (ms: number, since: number, now: number): boolean => since <= now && now - since < ms
