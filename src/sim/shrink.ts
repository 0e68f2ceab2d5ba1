/**
 * The shortest script that still fails, or nearly: deeds are left out in ever smaller pieces, then nodes from the start.
 *
 * Delta debugging, Zeller and Hildebrandt (TSE'02), ddmin; only complements are tried.
 */
import type { Script } from './script.ts'

/** @param triesMost how often the script may be played at most */
export const shrink = async (script: Script, fails: (script: Script) => Promise<boolean>, triesMost = 600): Promise<Script> => {
  let shortest = script
  let tries = 0
  const attempt = async (shorter: Script): Promise<boolean> => {
    if (tries++ >= triesMost || !(await fails(shorter))) return false
    shortest = shorter
    return true
  }
  for (let size = Math.ceil(script.deeds.length / 2); size > 0; size = size > 1 ? Math.ceil(size / 2) : 0)
    for (let from = 0; from < shortest.deeds.length; )
      if (!(await attempt({ ...shortest, deeds: shortest.deeds.toSpliced(from, size) }))) from += size
  while (shortest.nodes > 1 && (await attempt({ ...shortest, nodes: shortest.nodes - 1 })));
  return shortest
}
