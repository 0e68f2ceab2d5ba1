/**
 * What is wrong with a live network, in words: the ring by the same predicates that the simulator checks after every
 * change, the content by where each record should lie.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { kindOf } from '../src/overlay/overlays.ts'
import { compareVersions } from '../src/content/record.ts'
import type { Page } from '../src/protocol/client-api.ts'
import { type Id, shortId } from '../src/space/id.ts'
import { TaskFailure } from './failure.ts'
import { type Booted, isRunning, isSilent, openNetwork, type Running, type Sighting, surveyAll, wayWithSilent } from './live.ts'
import { networkOf, placementOf, tellMoving } from './render/status.ts'
import { fold, plural, quote } from './render/text.ts'
import { typed } from './task.ts'
import type { Terminal } from './terminal.ts'

const byId = <T extends { info: { id: Id } }>(a: T, b: T): number => (a.info.id < b.info.id ? -1 : 1)

/** Those that answer, clockwise from zero. */
export const ringOrder = (sightings: readonly Sighting[]): Running[] => sightings.filter(isRunning).sort(byId)

/** Everything that keeps the ring from being whole. Dead processes are no fault: the ring goes on without them. */
export const ringFaults = (booted: Booted, sightings: readonly Sighting[]): string[] => {
  const running = ringOrder(sightings)
  const silent = sightings.filter(isSilent)
  const members = running.filter(({ info }) => info.state === 'ready')
  const snapshot = new Map(members.map(({ info }) => [info.id, info]))
  const options = networkOf(booted)
  const kind = kindOf(options.overlay)
  return [
    ...(running.length === 0 ? ['no node answers'] : []),
    ...silent.map(({ entry }) => `${entry.name} does not answer`),
    ...running.filter(({ info }) => info.state !== 'ready').map(({ info }) => `${info.name} is ${info.state}`),
    ...kind.violations(snapshot, options),
    ...kind.imperfections(snapshot, options),
  ]
}

const wholeTimeoutMs = 30_000
/** For newcomers to have everything, where that is little. */
const completeTimeoutMs = 2000
const pollMs = 250

/**
 * Waits until the ring is whole; much content may still be on its way.
 * @param done what has been done all the same: `10004 joined`
 * @throws TaskFailure naming that and the faults after 30 s
 */
export const waitUntilWhole = async (done: string, terminal: Terminal, quiet: boolean): Promise<void> => {
  let wholeAt = Infinity
  for (const deadline = performance.now() + wholeTimeoutMs; ; await sleep(pollMs)) {
    const booted = await openNetwork()
    // Through those who are recorded the others are seen.
    if (booted.processes.length === 0) return
    const { sightings } = await surveyAll(booted)
    const { shape } = kindOf(networkOf(booted).overlay)
    const faults = ringFaults(booted, sightings)
    wholeAt = Math.min(wholeAt, faults.length === 0 ? performance.now() : Infinity)
    const isBrief = performance.now() - wholeAt < completeTimeoutMs
    if (faults.length === 0 && !(isBrief && catchingUp(ringOrder(sightings)).length > 0)) return
    const silent = sightings.filter(isSilent)
    if (!quiet) terminal.progress([`the ${shape} closes`, ...tellMoving(ringOrder(sightings)), ...faults].join(' · '))
    if (faults.length > 0 && performance.now() > deadline)
      throw new TaskFailure(
        [
          `${done}, but the ${shape} is not whole after ${wholeTimeoutMs / 1000} s:`,
          ...listed(faults),
          `${silent.length > 0 ? `${wayWithSilent(silent)}; then ` : ''}wait for it with: ${typed('check 60')}`,
        ].join('\n'),
      )
  }
}

/** As many as a person reads, in lines of at most `columns`. */
export const listed = (faults: readonly string[], { most = 10, columns = Infinity } = {}): string[] => [
  ...faults
    .slice(0, most)
    .flatMap((fault) => fold(fault, ' ', columns - 4).map((line, at) => `${at === 0 ? '  ' : '    '}${line}`)),
  ...(faults.length > most ? [`  … ${faults.length - most} more`] : []),
]

/** Nodes that do not have all that was written on their cells, as far as they know. The ring is whole without it. */
export const catchingUp = (members: readonly Running[]): string[] =>
  members
    .filter(({ info }) => !info.content.complete)
    .map(({ info: { name, content } }) => `Complete: ${name} is catching up, ${plural(content.moving, 'record')} moving`)

/** What one node holds of a record. */
export type Held = Pick<Page['entries'][number], 'key' | 'index' | 'size' | 'preview' | 'version'>

export interface Fault {
  /** Which record is not what it should be, how, and where. */
  readonly of: string
  readonly text: string
}

export interface Content {
  readonly records: number
  readonly copies: number
  /** Records that are not held by exactly their window, or not by all of it in the same version. */
  readonly faults: readonly Fault[]
}

/** @param held what each node holds, by id, for all nodes of the ring */
export const inspectContent = (held: ReadonlyMap<Id, readonly Held[]>, network: Parameters<typeof placementOf>[0]): Content => {
  const copiesOf = new Map<string, [Id, Held][]>()
  for (const [id, records] of held)
    for (const record of records) {
      const cursor = `${record.key}/${record.index}`
      const copies = copiesOf.get(cursor)
      if (copies) copies.push([id, record])
      else copiesOf.set(cursor, [[id, record]])
    }
  const place = placementOf(network)
  const peers = [...held.keys()].map((id) => ({ id, url: '' }))
  const windowOf = (key: Id): readonly Id[] => place(key, peers, network.replicas).map(({ id }) => id)
  const all = [...copiesOf.values()]
  return {
    records: all.length,
    copies: all.reduce((sum, copies) => sum + copies.length, 0),
    faults: all.flatMap((copies) => faultsOf(copies, windowOf)),
  }
}

/** Whether one and the same write is said to be of two values. */
const isOther = (one: Held, other: Held): boolean =>
  compareVersions(one.version, other.version) === 0 && (one.size !== other.size || one.preview !== other.preview)

const faultsOf = (copies: readonly [Id, Held][], windowOf: (key: Id) => readonly Id[]): Fault[] => {
  const [, newest] = copies.reduce((best, copy) => (compareVersions(copy[1].version, best[1].version) > 0 ? copy : best))
  const holders = copies.map(([id]) => id)
  const window = windowOf(newest.key)
  const what = `key ${shortId(newest.key)} ${quote(newest.preview)}`
  const name = (property: string, ids: readonly Id[], tell: string): Fault[] => {
    const of = `${newest.key}/${newest.index} ${property} ${ids.join()}`
    return ids.length > 0 ? [{ of, text: `${property}: ${what} ${tell} at ${ids.map(shortId).join(' ')}` }] : []
  }
  return [
    ...name(
      'WindowComplete',
      window.filter((id) => !holders.includes(id)),
      'is missing',
    ),
    ...name(
      'NoOrphans',
      holders.filter((id) => !window.includes(id)),
      'still lies',
    ),
    ...name(
      'CopiesAgree',
      copies.filter(([, { version }]) => compareVersions(version, newest.version) < 0).map(([id]) => id),
      'is of an older version',
    ),
    ...name(
      'CopiesAgree',
      copies.filter(([, copy]) => isOther(copy, newest)).map(([id]) => id),
      'is something else, in the same version,',
    ),
  ]
}
