/** What a node tells of the members: those whom it watches, or else those whom its overlay has met. */
import type { Swim } from '../membership/swim.ts'
import type { Overlay } from '../overlay/overlay.ts'
import type { ClientApi, Watch } from '../protocol/client-api.ts'
import type { Reply } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { NodeConfig } from './config.ts'

type Told = Reply<ClientApi['members']>['members']

/** This node first. @param swim undefined where nobody watches */
export const membersOf = (config: NodeConfig, me: Peer, swim: Swim | undefined, overlay: Overlay, now: number): Told => {
  const ageMs = (since: number) => Math.max(0, Math.floor(now - since))
  if (swim)
    return swim.members().map(({ id, url, state, since, incarnation, meta }) => ({
      id,
      url,
      name: meta?.name ?? nameOf({ id, url }),
      state,
      sinceMs: ageMs(since),
      incarnation,
      ...(meta === undefined ? {} : { version: meta.version, tags: meta.tags }),
    }))
  const met = overlay.acquaintances.map(
    ({ peer, alive, since }) =>
      ({ ...peer, name: nameOf(peer), state: alive ? 'alive' : 'dead', sinceMs: ageMs(since) }) as const,
  )
  return [{ ...me, name: config.name, state: 'alive', sinceMs: ageMs(config.incarnation) }, ...met]
}

/** How many are in which state, and how this node does itself. */
export const watchOf = (swim: Swim): Watch => {
  const counts = { alive: 0, suspect: 0, dead: 0, left: 0 }
  for (const { state } of swim.members()) counts[state]++
  const { health, isCutOff: cutOff, isKnown: known, aheadMs } = swim
  return { ...counts, health, cutOff, known, aheadMs, drops: Object.fromEntries(swim.drops) }
}

const nameOf = ({ url }: Peer): string => `node-${/:(\d+)$/.exec(url)?.[1] ?? url}`
