/** Worlds in which some nodes do not answer as they should. */
import type { NodeApi } from '../../src/node/api.ts'
import type { Node } from '../../src/node/node.ts'
import type { OverlayName } from '../../src/overlay/overlays.ts'
import type { LeafSet } from '../../src/overlay/pastry/leaf-set.ts'
import { type ErrorCode, Refusal } from '../../src/protocol/errors.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import type { Id } from '../../src/space/id.ts'
import { hash } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'

export type Row = keyof NodeApi & string

export const nodeOf = (world: World, id: Id): Node => {
  const { node } = world.host(id)
  if (!node) throw new Error(`nobody lives at ${id}`)
  return node
}

/** Lets time pass until each of these has everything that it holds. */
export const whole = (world: World, ids: readonly Id[]) =>
  world.until(
    () => ids.every((id) => nodeOf(world, id).info().content.complete),
    60_000,
    () => ids.map((id) => JSON.stringify(nodeOf(world, id).info().content)).join(' '),
  )

export const sorted = (world: World): Id[] => [...world.members()].sort()

export const leavesOf = (world: World, id: Id): LeafSet =>
  (nodeOf(world, id).overlay as unknown as { table: { leaves: LeafSet } }).table.leaves

/** A network that is whole, and of which nothing is demanded any more. */
export const worldOf = async (
  overlay: OverlayName,
  count: number,
  settings: object = {},
  log?: (line: string) => void,
): Promise<World> => {
  const world = new World({
    seed: 1,
    encode: false,
    settings: { overlay, membership: 'off', ...settings },
    ...(log ? { log } : {}),
  })
  await world.boot(count)
  await world.run(5000)
  world.demanding = false
  return world
}

/** Two islands, which begin with 10 and with 90, and have each taken in a node with that id. */
export const addTwins = async (world: World, id: Id): Promise<void> => {
  for (const [at, first] of ['10', '90'].entries()) {
    world.add({ id: first, seeds: [] })
    await world.run(100)
    world.add({ id, url: `http://twin.example:${at + 1}`, seeds: [world.peer(first)] })
    await world.run(1000)
  }
}

/** Answers to these rows in place of a node's own, until the returned function is called. */
export const replace = (node: Node, rows: readonly Row[], answer: (request: never) => unknown): (() => void) => {
  const handlers = node.handlers as Record<Row, unknown>
  const own = Object.fromEntries(rows.filter((name) => handlers[name]).map((name) => [name, handlers[name]]))
  for (const name of Object.keys(own)) handlers[name as Row] = answer
  return () => Object.assign(handlers, own)
}

export const refuse = (code: ErrorCode) => (): never => {
  throw new Refusal(code, 'this node has something against it')
}

/** Another one each time, whose id is what it should be, and who is not there. */
export const nobodies = (): (() => Peer) => {
  let number = 0
  return () => {
    const url = `http://nobody-${number++}.example:1`
    return { id: hash(url), url }
  }
}

/** From now on those who are not there do not even refuse. @param asked told who asks one of them */
export const silence = (world: World, asked: (from: string, to: string) => void = () => undefined): void => {
  const { net } = world as unknown as { net: { blocks: (from: string, to: string) => boolean } }
  net.blocks = (from, to) => {
    if (!to.includes('nobody')) return false
    asked(from, to)
    return true
  }
}

/** Calls of one row that arrive at a url, per line of the log. */
export const counting = (name: string) => {
  const calls = { count: 0, from: '', to: '' }
  const log = (line: string) => {
    const [, from, to, row] = /^\d+ (\S+) > (\S+) (\S+) /.exec(line) ?? []
    if (row === name && (calls.from === '' || calls.from === from) && (calls.to === '' || calls.to === to)) calls.count++
  }
  return { calls, log }
}
