/** `status`, and the line about the network that other tasks end with. */
import { isRunning, openNetwork, portOf, type Booted, type Sighting, surveyAll } from './live.ts'
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
      ...(moving.length > 0 ? [paint.yellow(`copies are on their way: ${moving.join(' · ')}`)] : []),
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
  if (!sightings.some(isRunning)) return ['restart all', 'killall']
  const silent = sightings.find(({ condition }) => condition === 'silent')
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
    return {
      lines: [...renderStatus(found, paint, columns), ...listed(found.faults, 5), next(...advise(found, sightings))],
      data,
    }
  },
}
