/**
 * What happens in the network, told from one frame to the next.
 *
 * With one copy of each record, every count that changes tells by itself. With several, whoever comes or goes changes all counts
 * for a while: first nobody owns what the dead one owned, then copies are missing, then they are made again. That is told as one
 * event, which goes on; values that came or went meanwhile are told when it is over.
 */
import { type Id, shortId } from '../../src/space/id.ts'
import { copiesIn, type Frame, movedBetween, type Watched } from './monitor.ts'
import type { Copies } from './status.ts'
import { plural } from './text.ts'

/** Someone who came, or went, or is about to. */
interface Passage {
  readonly text: string
  readonly is: 'gain' | 'loss'
}

export interface Event {
  /** `12:04:27`. */
  readonly time: string
  /** `10005 dead`. */
  readonly text: string
  readonly is?: Passage['is']
  /** Copies made because of it, and those still missing. */
  readonly repair?: { readonly done: number; readonly missing: number }
}

export interface Story {
  /** Oldest first, as many as stay on a terminal. */
  readonly events: readonly Event[]
  /** The values that have been told of; undefined until it is known how many there are. */
  readonly values: number | undefined
  /** Copies, where as long as nobody owns what a dead one owned its values count all the same. */
  readonly copies: Copies
  /** For so many frames yet the last coming or going may show in the counts. */
  readonly restless: number
}

const eventLines = 6
/** Until nodes have noticed who came or went, and have begun to do something about it. */
const restlessFrames = 5

export const beginStory = (frame: Frame): Story => {
  const copies = copiesIn(frame)
  // What one owned that does not answer, or has just died, others have yet to take over.
  return frame.nodes.every(runs)
    ? { events: [], values: copies.values, copies, restless: 0 }
    : { events: [], values: undefined, copies, restless: restlessFrames }
}

/** What a frame adds to the story: events at its end, and an older one that goes on. Those that stay are the same objects. */
export const tellMore = (story: Story, before: Frame, after: Frame, time: string): Story => {
  const passages = passagesBetween(before, after)
  const several = after.network.replicas > 1
  const restless = passages.length > 0 ? restlessFrames : Math.max(0, story.restless - 1)
  const { values } = copiesIn(after)
  const copiesWith = (least: boolean) => copiesIn(after, several && least ? (story.values ?? 0) : 0)
  const copies = copiesWith(restless > 0)
  // What is not missed any more, once values count only where someone owns them, has not been made.
  const unmade = missingOf(copiesWith(restless > 0 || story.restless > 0))
  const known: Event[] = [...story.events, ...passages.map((passage) => ({ time, ...passage }))]
  const events = several ? withRepair(known, { missing: missingOf(copies), unmade, restless: restless > 0 }) : known
  const busy = several && (restless > 0 || events.some(({ repair }) => (repair?.missing ?? 0) > 0))
  const told = !several ? keyEvents(before, after) : busy ? [] : valueEvents(story.values, values)
  return {
    events: [...events, ...told.map((text) => ({ time, text }))].slice(-eventLines),
    values: busy ? story.values : values,
    copies,
    restless,
  }
}

/** `12:04:27 10005 dead · 10 copies restored, 9 on their way ↻` */
export const printEvent = ({ time, text, is, repair }: Event): string => {
  if (!repair) return `${time} ${text}`
  const { done, missing } = repair
  const copies = (count: number) => plural(count, 'copy', 'copies')
  const made = `${copies(done)} ${is === 'loss' ? 'restored' : 'made'}`
  if (missing === 0) return `${time} ${text} · ${made}`
  return `${time} ${text} · ${done > 0 ? `${made}, ${missing}` : copies(missing)} on their way ↻`
}

const missingOf = ({ wanted, there }: Copies): number => Math.max(0, wanted - there)

/** Whoever came or went last is why copies are missing. @param unmade those that are, as they were counted before */
const withRepair = (
  events: readonly Event[],
  { missing, unmade, restless }: { missing: number; unmade: number; restless: boolean },
): Event[] => {
  const cause = events.findLast(({ is }) => is !== undefined)
  return events.map((event) => {
    const { repair, ...rest } = event
    if (event !== cause) return repair && repair.missing > 0 ? closed(event) : event
    if (!repair) return restless && missing > 0 ? { ...rest, repair: { done: 0, missing } } : event
    if (repair.missing === missing || (repair.missing === 0 && !restless)) return event
    const done = repair.done + Math.max(0, repair.missing - unmade)
    return done + missing > 0 ? { ...rest, repair: { done, missing } } : rest
  })
}

/** What is still missing is told of another one. */
const closed = ({ repair, ...rest }: Event): Event =>
  repair && repair.done > 0 ? { ...rest, repair: { done: repair.done, missing: 0 } } : rest

const lossWords = {
  running: 'is joining again',
  starting: 'is starting',
  silent: 'does not answer',
  dead: 'dead',
  foreign: 'dead',
} as const

const passagesBetween = (before: Frame, after: Frame): Passage[] => {
  const old = new Map(before.nodes.map((node) => [node.id, node]))
  const fresh = new Set(after.nodes.map(({ id }) => id))
  return [
    ...after.nodes.flatMap((node) => passageOf(node, old.get(node.id))),
    ...before.nodes.flatMap((node) =>
      runs(node) && !fresh.has(node.id) ? [loss(`${node.port} ${node.isStranger ? 'gone' : 'left'}`)] : [],
    ),
  ]
}

const runs = (node: Watched | undefined) => node?.condition === 'running' && node.state !== 'joining'
const loss = (text: string): Passage => ({ text, is: 'loss' })
const gain = (text: string): Passage => ({ text, is: 'gain' })

const passageOf = (node: Watched, was: Watched | undefined): Passage[] => {
  if (runs(node) && !runs(was)) return [gain(`${node.port} ${was?.condition === 'silent' ? 'answers again' : 'joined'}`)]
  if (!runs(node) && runs(was)) return [loss(`${node.port} ${lossWords[node.condition]}`)]
  return node.state !== was?.state && node.state === 'leaving' ? [loss(`${node.port} is leaving`)] : []
}

/** Where each record is but once. */
const keyEvents = (before: Frame, after: Frame): string[] => {
  const moved = movedBetween(before, after)
  const ports = new Map([...before.nodes, ...after.nodes].map(({ id, port }) => [id, port]))
  const portOf = (id: Id) => ports.get(id) ?? shortId(id)
  const givers = [...moved].filter(([, by]) => by < 0)
  const takers = [...moved].filter(([, by]) => by > 0)
  const given = -givers.reduce((sum, [, by]) => sum + by, 0)
  const taken = takers.reduce((sum, [, by]) => sum + by, 0)
  const passed = Math.min(given, taken)
  const [giver, ...otherGivers] = givers
  const [taker, ...otherTakers] = takers
  const events: string[] = []
  if (giver && taker && passed > 0) {
    const way = otherGivers.length + otherTakers.length === 0 ? `: ${portOf(giver[0])} → ${portOf(taker[0])}` : ''
    events.push(`${plural(passed, 'key')} moved${way}`)
  }
  if (taken > given) events.push(`${plural(taken - given, 'key')} stored`)
  if (given > taken) events.push(`${plural(given - taken, 'key')} gone`)
  return events
}

const valueEvents = (before: number | undefined, after: number): string[] => {
  if (before === undefined || after === before) return []
  return [after > before ? `${plural(after - before, 'value')} stored` : `${plural(before - after, 'value')} gone`]
}
