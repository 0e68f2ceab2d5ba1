/** `status`, and the line about the network that other tasks end with. */
import { type Booted, isRunning, isSilent, openNetwork, type Sighting, surveyAll, wayWithSilent } from './live.ts'
import { fold, portOf } from './render/text.ts'
import type { Id } from '../src/space/id.ts'
import { listed, ringFaults } from './faults.ts'
import { copiesAmong, heading, networkOf, renderStatus, type Status, tellMoving } from './render/status.ts'
import { next, type Outcome, type Task } from './task.ts'
import type { Terminal } from './terminal.ts'

const statusOf = (booted: Booted, sightings: readonly Sighting[], opinion: ReadonlyMap<Id, string>): Status => ({
  network: networkOf(booted),
  nodes: sightings.map((sighting) => ({
    port: portOf(sighting.entry.url),
    id: sighting.entry.id,
    condition: sighting.condition,
    ...(opinion.has(sighting.entry.id) ? { seenAs: opinion.get(sighting.entry.id) as string } : {}),
    ...(isRunning(sighting) ? { info: sighting.info } : {}),
  })),
  faults: ringFaults(booted, sightings),
})

const dataOf = (booted: Booted, sightings: readonly Sighting[], { faults, network, nodes }: Status) => ({
  network: { id: booted.network.id, ...booted.network.options },
  ring: { whole: faults.length === 0, faults },
  copies: copiesAmong(
    sightings.filter(isRunning).map(({ info }) => info.content),
    network.replicas,
  ),
  nodes: sightings.map((sighting, at) => ({ ...sighting.entry, ...nodes[at] })),
})

const look = async () => {
  const booted = await openNetwork()
  const { sightings, opinion } = await surveyAll(booted)
  const status = statusOf(booted, sightings, opinion)
  return { status, sightings, data: dataOf(booted, sightings, status) }
}

/** How a task that changed the network ends: what it says, the network in a line, what is still on its way, what to type next. */
export const ended = async (
  said: readonly string[],
  { paint, columns }: Terminal,
  ...then: readonly string[]
): Promise<Outcome> => {
  const { status, data } = await look()
  const moving = tellMoving(status.nodes)
  return {
    lines: [
      ...said,
      ...heading(status, paint, columns),
      ...(moving.length > 0 ? [paint.yellow(`still on its way: ${moving.join(' · ')}`)] : []),
      next(...then),
    ],
    data,
  }
}

/** The same with the whole table. */
export const endedWithTable = async ({ paint, columns }: Terminal, ...then: readonly string[]): Promise<Outcome> => {
  const { status, data } = await look()
  return { lines: [...renderStatus(status, paint, columns), next(...then)], data }
}

const advise = ({ faults, nodes }: Status, sightings: readonly Sighting[]): string[] => {
  const silent = sightings.find(isSilent)
  if (!sightings.some(isRunning)) return [silent ? 'status' : 'restart all', 'killall']
  if (silent) return ['check 30', `restart ${portOf(silent.entry.url)}`]
  const isDead = sightings.some(({ condition }) => condition === 'dead')
  if (faults.length > 0) return ['check 30', ...(isDead ? ['restart all'] : [])]
  if (isDead) return ['restart all', 'monitor']
  if (sightings.length < 3) return ['addmany 10']
  return tellMoving(nodes).length > 0 ? ['monitor', 'check 30'] : ['monitor']
}

export const status: Task = {
  name: 'status',
  summary: 'the network in ring order',
  args: {},
  options: {},
  text: false,
  examples: ['status', 'status json'],
  run: async (_words, { paint, columns }) => {
    const { status: found, sightings, data } = await look()
    const silent = sightings.filter(isSilent)
    return {
      lines: [
        ...renderStatus(found, paint, columns),
        ...listed(found.faults, { most: 5, columns }),
        ...(silent.length > 0 ? fold(wayWithSilent(silent), ' ', columns) : []),
        next(...advise(found, sightings)),
      ],
      data,
    }
  },
}
