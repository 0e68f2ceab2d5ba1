/**
 * What is wrong with a live network, in words: the ring by the same predicates that the simulator checks after every
 * change, the content by where each record should lie.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { checkIdeal, checkRing } from '../src/overlay/chord/invariants.ts'
import { Table } from '../src/overlay/chord/table.ts'
import type { Page } from '../src/protocol/client-api.ts'
import { type Id, shortId } from '../src/space/id.ts'
import { TaskFailure } from './failure.ts'
import { type Booted, isRunning, openNetwork, type Running, type Sighting, survey } from './live.ts'

const byId = <T extends { info: { id: Id } }>(a: T, b: T): number => (a.info.id < b.info.id ? -1 : 1)

/** Those that answer, clockwise from zero. */
export const ringOrder = (sightings: readonly Sighting[]): Running[] => sightings.filter(isRunning).sort(byId)

/** Everything that keeps the ring from being whole. Dead processes are no fault: the ring goes on without them. */
export const ringFaults = ({ network }: Booted, sightings: readonly Sighting[]): string[] => {
  const running = ringOrder(sightings)
  const silent = sightings.filter(({ condition }) => condition === 'silent')
  const members = running.filter(({ info }) => info.state === 'ready')
  const snapshot = new Map(
    members.map(({ info: { id, successors = [], predecessor } }) => [
      id,
      { successors: successors.map((peer) => peer.id).filter((other) => other !== id), predecessor: predecessor?.id ?? id },
    ]),
  )
  const length = Number(network.options['successors'])
  return [
    ...(running.length === 0 ? ['no node answers'] : []),
    ...silent.map(({ entry }) => `${entry.name} does not answer`),
    ...running.filter(({ info }) => info.state !== 'ready').map(({ info }) => `${info.name} is ${info.state}`),
    ...checkRing(snapshot),
    ...checkIdeal(snapshot, length),
  ]
}

const wholeTimeoutMs = 30_000
const pollMs = 250

/** Waits until the ring is whole. @throws TaskFailure naming the faults after 30 s */
export const waitUntilWhole = async (): Promise<void> => {
  for (const deadline = performance.now() + wholeTimeoutMs; ; await sleep(pollMs)) {
    const booted = await openNetwork()
    const faults = ringFaults(booted, await survey(booted))
    if (faults.length === 0) return
    if (performance.now() > deadline)
      throw new TaskFailure(
        [
          `the ring is not whole after ${wholeTimeoutMs / 1000} s:`,
          ...listed(faults),
          'wait for it with: npm run task check 60',
        ].join('\n'),
      )
  }
}

/** As many as a person reads. */
export const listed = (faults: readonly string[], most = 10): string[] => [
  ...faults.slice(0, most).map((fault) => `  ${fault}`),
  ...(faults.length > most ? [`  … ${faults.length - most} more`] : []),
]

/** What one node holds of a record. */
export type Held = Page['entries'][number]

/**
 * Records that are not held by exactly their window: the owner, then its successors, as many as there are copies.
 * @param held what each node holds, by id, for all nodes of the ring
 */
export const contentFaults = (
  held: ReadonlyMap<Id, readonly Held[]>,
  network: { replicas: number; ownership: 'successor' | 'predecessor' },
): string[] => {
  const ring = [...held.keys()].map((id) => ({ id, url: '' }))
  const [me] = ring
  if (!me) return []
  const table = new Table(me, { ...network, successors: ring.length })
  const holders = new Map<string, { record: Held; ids: Set<Id> }>()
  for (const [id, records] of held)
    for (const record of records) {
      const known = holders.get(`${record.key}/${record.index}`) ?? { record, ids: new Set<Id>() }
      holders.set(`${record.key}/${record.index}`, { ...known, ids: known.ids.add(id) })
    }
  return [...holders.values()].flatMap(({ record, ids: found }) => {
    const wanted = table.place(record.key, ring, network.replicas).map(({ id }) => id)
    const missing = wanted.filter((id) => !found.has(id))
    const orphans = [...found].filter((id) => !wanted.includes(id))
    const what = `key ${shortId(record.key)} ${JSON.stringify(record.preview)}`
    return [
      ...(missing.length > 0 ? [`WindowComplete: ${what} is missing at ${missing.map(shortId).join(' ')}`] : []),
      ...(orphans.length > 0 ? [`NoOrphans: ${what} still lies at ${orphans.map(shortId).join(' ')}`] : []),
    ]
  })
}
