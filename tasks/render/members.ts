/** Who sees whom how, as a table: `npm run task members`. */
import type { Member } from '../../src/protocol/client-api.ts'
import { type Id, shortId } from '../../src/space/id.ts'
import { age, type Cell, harmless, type Paint, plural, table, portOf } from './text.ts'

/** What one node says of the members. */
export interface View {
  readonly port: string
  readonly id: Id
  readonly members: readonly Member[]
}

/** A member, and the ports of those who see it in each state. */
export interface Seen {
  readonly member: Member
  readonly by: ReadonlyMap<string, readonly string[]>
}

const order = ['alive', 'suspect', 'dead', 'left', 'unknown']

/** Every member that anyone knows, in order of id, as the others see it: the word of a node about itself does not count. */
export const opinions = (views: readonly View[]): Seen[] => {
  const newest = new Map<Id, Member>()
  for (const { members } of views)
    for (const member of members) {
      const known = newest.get(member.id)
      if (!known || (member.incarnation ?? 0) > (known.incarnation ?? 0)) newest.set(member.id, member)
    }
  return [...newest.values()]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((member) => {
      const by = new Map<string, string[]>()
      const others = views.filter(({ id }) => id !== member.id)
      for (const { port, members } of others.length > 0 ? others : views) {
        const state = members.find(({ id }) => id === member.id)?.state ?? 'unknown'
        by.set(state, [...(by.get(state) ?? []), port])
      }
      return { member, by }
    })
}

/** `alive`, `suspect by 3 · alive by 8`; whoever differs from the rest is named. */
const wordsOf = ({ by }: Seen): string => {
  const states = [...by].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
  const [only] = states
  if (states.length === 1 && only) return only[0]
  const few = states.length === 2 ? Math.min(2, ...states.map(([, ports]) => ports.length)) : 0
  return states.map(([state, ports]) => `${state} by ${ports.length === few ? ports.join(', ') : ports.length}`).join(' · ')
}

export const renderMembers = (views: readonly View[], paint: Paint, columns: number): string[] => {
  const seen = opinions(views)
  const head = ['NODE', 'ID', 'SEEN AS', 'FOR', 'TAGS'].map((text): Cell => ({ text, paint: paint.dim }))
  const rows = seen.map((one): Cell[] => {
    const { member } = one
    const words = wordsOf(one)
    const paints = words === 'alive' ? paint.green : words === 'left' ? paint.dim : words === 'dead' ? paint.red : paint.yellow
    const tags = Object.entries(member.tags ?? {}).map(([name, value]) => `${name}=${value}`)
    return [
      { text: portOf(member.url), paint: paint.bold },
      shortId(member.id),
      { text: words, paint: paints },
      age(member.sinceMs),
      harmless(tags.join(' ')),
    ]
  })
  return [
    `${plural(seen.length, 'member')} · as ${views.length === 1 ? `${views[0]?.port} sees them` : `${plural(views.length, 'node')} see each other`}`,
    ...table(['left', 'left', 'left', 'right', 'left'], [head, ...rows], columns),
  ]
}
