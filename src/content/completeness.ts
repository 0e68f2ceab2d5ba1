/**
 * Where this node has had everything that was written, and how sure that is: witnessed by someone who had it, or only presumed,
 * because those who may have more were given up.
 */
import { completeMost } from '../protocol/peer-api.ts'
import { Arcs } from '../space/arcs.ts'
import type { Id } from '../space/id.ts'
import type { Arc } from '../space/ring.ts'

/** How long at most a node says that it had everything of an arc that others hold by now, or that was left to it: where calls take long they ask again and again. */
const formerMs = 15_000
/**
 * Within that, how long it goes on saying so after it gave the arc up, was left it, or was asked last: those who have everything ask no
 * more, and of what is written from then on it does not know. Of what it holds itself it says so for this long at most, however often it
 * is asked: others who came with it have gone, or have found their places, by then.
 */
const againMs = 5000

interface Former {
  readonly arcs: Arcs
  /** ms since 1970. */
  readonly cededAt: number
  /** When it was asked about last, or ceded; ms since 1970. */
  readonly askedAt: number
  /** It was another's, who has gone and has left all of it to this node. */
  readonly isInherited?: boolean
}

/** Where this node has had everything, as it tells others at some moment (ms since 1970); and where of that nothing was ever given up. */
interface Tellable {
  readonly at: number
  readonly known: Arcs
  readonly witnessed: Arcs
}

export class Completeness {
  /** What this node holds and has had everything of. */
  #complete = Arcs.none
  #presumed = Arcs.none
  #held = Arcs.none
  /** What was complete before others came into it, and what was inherited. */
  #former: readonly Former[] = []
  /** What others are told at one moment: they ask about many arcs at once. */
  #told: Tellable | undefined

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
    this.#told = undefined
  }

  /**
   * Only what this node holds is complete; that more was so before, others are told for a while. For who holds nothing at all nothing is, and
   * nothing was.
   * @param held all that it holds from now on
   */
  cut(held: Arcs, now: number): void {
    if (held.isEmpty) {
      this.forget()
      return
    }
    const ceded = this.#complete.without(held)
    // Whoever holds it by now may have been given more.
    this.#disinherit(this.#held.without(held))
    const former = this.#formerly(now)
    this.#told = undefined
    this.#former = ceded.isEmpty ? former : [...former, { arcs: ceded, cededAt: now, askedAt: now }]
    this.#complete = this.#complete.within(held)
    this.#held = held
  }

  /** One that goes had everything there, of which nothing was ever given up on what is witnessed, and this node has it now. */
  inherit(known: Arcs, witnessed: Arcs, now: number): void {
    this.#former = [...this.#formerly(now), { arcs: known, cededAt: now, askedAt: now, isInherited: true }]
    const presumed = known.without(witnessed).without(this.witnessed)
    this.#presumed = this.#presumed.without(known).plus(presumed)
    this.#told = undefined
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
    this.#told = undefined
  }

  /** Where on an arc this node has had everything, as it may be told others; it is noted that one of them has asked. */
  claims(arc: Arc, now: number): { complete: Arc[]; witnessed: Arc[] } {
    const { known, witnessed } = this.#tellable(now)
    const asked = Arcs.of([arc])
    if (this.#former.length > 0)
      this.#former = this.#formerly(now).map((former) =>
        former.arcs.within(asked).isEmpty ? former : { ...former, askedAt: now },
      )
    const within = (arcs: Arcs) => {
      if (arcs.covers(arc)) return [{ from: arc.from, to: arc.to }]
      const parts = arcs.within(asked)
      return parts.isEmpty ? [] : parts.arcs(arc.to.length).slice(0, completeMost)
    }
    return { complete: within(known), witnessed: within(witnessed) }
  }

  #disinherit(arcs: Arcs): void {
    this.#former = this.#former.map((former) => (former.isInherited ? { ...former, arcs: former.arcs.without(arcs) } : former))
  }

  #tellable(now: number): Tellable {
    if (this.#told?.at === now) return this.#told
    const known = this.#formerly(now).reduce((all, { arcs }) => all.plus(arcs), this.#complete)
    this.#told = { at: now, known, witnessed: known.without(this.#presumed) }
    return this.#told
  }

  #formerly(now: number): readonly Former[] {
    return this.#former.flatMap((former) => {
      const { arcs, cededAt, askedAt } = former
      if (!isWithin(formerMs, cededAt, now) || !isWithin(againMs, askedAt, now)) return []
      return [isWithin(againMs, cededAt, now) ? former : { ...former, arcs: arcs.without(this.#held) }]
    })
  }
}

/** The clock may have been set back since. */
const isWithin = (ms: number, since: number, now: number): boolean => since <= now && now - since < ms
