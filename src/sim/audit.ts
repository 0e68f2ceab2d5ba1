/** What must be true of content once the network is at rest, held against the stores and against what clients are told. */
import { isOver, keyOf, tombstoneHorizonMs } from '../content/record.ts'
import type { NodeApi } from '../node/api.ts'
import type { Reply } from '../protocol/rpc.ts'
import type { Id } from '../space/id.ts'
import { toldOf } from './clients.ts'
import { epochMs, type Host } from './host.ts'
import { nameOf, shown } from './ledger.ts'
import type { World } from './world.ts'

/**
 * Each record is held by exactly those who should, in one version, and everyone says that all is there. In words, what is not so.
 * A record whose time is over may be swept by one before the other. Who has no room, and never will have, is asked for nothing; others
 * stand in for it.
 */
export const misplaced = (world: World): string[] => {
  const holders = new Map<string, { key: Id; versions: Map<Host, string> }>()
  const running = world.running().filter(({ disk }) => !disk.jammed)
  for (const host of running)
    for (const record of host.store.scan('', host.store.size)) {
      if (isOver(record, epochMs + world.nowMs - tombstoneHorizonMs)) continue
      const { key, index, version } = record
      const held = holders.get(index) ?? { key, versions: new Map<Host, string>() }
      holders.set(index, held)
      held.versions.set(host, `${version.hlc}/${version.origin}`)
    }
  const wrong = [...holders].flatMap(([index, { key, versions }]) => {
    const all = world.window(key)
    const window = all.filter(({ disk }) => !disk.jammed)
    const short = index.slice(0, 8)
    const missing = window.filter((host) => !versions.has(host)).map(({ url }) => `${short}: Replicated: not at ${url}`)
    const others = window.length < all.length ? [] : [...versions.keys()].filter((host) => !window.includes(host))
    const strange = others.map(({ url }) => `${short}: NoOrphans: still at ${url}`)
    const kept = new Set([...window, ...others].flatMap((host) => versions.get(host) ?? []))
    const various = kept.size > 1 ? [`${short}: Replicated: in versions ${[...kept].join(', ')}`] : []
    return [...missing, ...strange, ...various]
  })
  const doubters = running.flatMap(({ node, url }) =>
    node && !node.info().content.complete ? [`${url} does not say that all is there`] : [],
  )
  return [...wrong, ...doubters]
}

/** What those who watch each other say of who is there, in words, where it is not so. */
export const misjudged = (world: World): string[] => {
  const running = new Map(world.running().map(({ id = '', url }) => [id, url]))
  return world.running().flatMap(({ node, url }) => {
    if (!node || node.config.membership === 'off') return []
    const { members } = node.handlers.members({}) as Reply<NodeApi['members']>
    const live = new Map(members.filter(({ state }) => state === 'alive' || state === 'suspect').map((it) => [it.id, it]))
    const unknown = [...running]
      .filter(([id, home]) => live.get(id)?.url !== home)
      .map(([, home]) => `${url} does not know of ${home}`)
    const wrong = [...live.values()].filter(({ id, state }) => !running.has(id) || state === 'suspect')
    return [...unknown, ...wrong.map((it) => `${url} has ${it.url} as ${it.state}`)]
  })
}

/**
 * Promises that are not kept, in words: each is looked up through a member at random, and through those whose clock is wrong or whose disk is
 * jammed, by its content and by its key.
 */
export const brokenPromises = async (world: World): Promise<string[]> => {
  world.ledger.repair()
  const began = world.ledger.tick()
  const beganMs = world.nowMs
  const troubled = world.staying().filter((id) => world.host(id).setMs !== 0 || world.host(id).disk.jammed)
  const asked = world.ledger.registers.flatMap((register) => {
    const key = keyOf(register.index, world.config.bits)
    return [world.anyone(), ...troubled].flatMap((through) => [
      { register, through, found: world.ask(through, 'lookupBy', register.what) },
      { register, through, found: world.ask(through, 'lookup', { key }) },
    ])
  })
  const waiting = () => asked.filter(({ found }) => found.state === 'waiting').length
  await world.until(
    () => waiting() === 0,
    10 * world.config.operationTimeoutMs,
    () => `${waiting()} lookups are unanswered`,
  )
  const { ledger, clocks } = world
  const time = clocks.between(beganMs)
  return asked.flatMap(({ register, through, found }) => {
    const possible = ledger.strict || !register.wasRewritten ? register.possible(began, time) : register.everything(time)
    const told = toldOf(register, found)
    if (told !== undefined && possible.includes(told)) return []
    const said = told === undefined && found.state === 'refused' ? found.error.error : shown(told ?? null)
    const wanted = possible.map(shown).join(' or ')
    return [`${nameOf(register)}: ${through} says ${said}, not ${wanted}; kept by ${ledger.whereabouts(register)}`]
  })
}
