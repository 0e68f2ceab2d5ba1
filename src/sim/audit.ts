/** What must be true of content once the network is at rest, held against the stores and against what clients are told. */
import { type Id, idOf, shortId } from '../space/id.ts'
import { inArc } from '../space/ring.ts'
import type { World } from './world.ts'

/** Promises that are not kept, in words: each is looked up through a member at random. */
export const brokenPromises = async (world: World): Promise<string[]> => {
  const asked = [...world.ledger].map(([index, value]) => {
    return { index, value, found: world.ask(world.anyone(), 'lookup', { key: keyOf(world, index) }) }
  })
  const waiting = () => asked.filter(({ found }) => found.state === 'waiting').length
  await world.until(
    () => waiting() === 0,
    10 * world.config.operationTimeoutMs,
    () => `${waiting()} lookups are unanswered`,
  )
  return asked.flatMap(({ index, value, found }) => {
    const got = found.state === 'answered' ? found.reply.values.find((one) => one.index === index)?.value : undefined
    const code = found.state === 'refused' ? found.error.error : undefined
    const kept = value === null ? got === undefined && (code ?? 'NOT_FOUND') === 'NOT_FOUND' : got === value
    if (kept) return []
    const said = code ?? JSON.stringify(got)
    return [
      `${index.slice(0, 8)}: ${value === null ? 'deleted' : 'stored'}, but the lookup says ${said}; kept by ${keepers(world, index)}`,
    ]
  })
}

/** Urls of nodes that keep a record outside the cells which they believe they hold. */
export const misplacing = (world: World): string[] =>
  world.running().flatMap(({ url, node, store }) => {
    const cells = node?.overlay.cells() ?? []
    const strange = store.scan(undefined, store.size).some(({ key }) => !cells.some(({ from, to }) => inArc(from, key, to)))
    return strange ? [url] : []
  })

/** Who keeps a record with that index, as a value or as a tombstone. */
const keepers = (world: World, index: string): string => {
  const kept = world.running().flatMap(({ id = '', store }) => {
    const records = store.read(keyOf(world, index)).filter((record) => record.index === index)
    return records.map(({ value }) => `${shortId(id)}${value === null ? ' (deleted)' : ''}`)
  })
  return kept.length > 0 ? kept.join(', ') : 'nobody'
}

const keyOf = (world: World, index: string): Id => idOf(index.slice(2), world.config.bits)
