/** Windows over a given set of peers: those whose ids are nearest to the key. */
import type { Peer } from '../../protocol/schemas.ts'
import { nearest } from '../../space/digits.ts'
import type { Id } from '../../space/id.ts'

/** See Overlay.place. Whoever goes by who is there asks about the same many peers again and again. */
export const placement = (): ((key: Id, peers: readonly Peer[], count: number) => Peer[]) => {
  const lines = new WeakMap<readonly Peer[], readonly Peer[]>()
  return (key, peers, count) => {
    let line = lines.get(peers)
    if (!line) {
      line = [...peers].sort((a, b) => (a.id < b.id ? -1 : 1))
      lines.set(peers, line)
    }
    return nearest(key, line, count)
  }
}
