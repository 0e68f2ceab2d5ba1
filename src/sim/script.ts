/**
 * What befalls a world, written down deed by deed: enough to play it again, in whole or in part.
 *
 * A node goes by the place where it lives, so that a deed means the same node whatever else is left out. A deed that is not
 * possible, or goes beyond the law, when its time comes is left undone.
 */
import type { Errand } from './errands.ts'
import { portOf } from './hosts.ts'

export type Deed = { readonly atMs: number } & (
  | { readonly do: 'add' | 'crash' | 'stop' | 'leave' | 'restart' | 'wipe' | 'jam'; readonly place: number }
  | { readonly do: 'pause' | 'fill' | 'clock'; readonly place: number; readonly ms: number }
  | (Errand & { readonly place: number })
  | { readonly do: 'cut'; readonly some: readonly number[]; readonly others: readonly number[]; readonly oneWay: boolean }
  | { readonly do: 'mend' }
)

export interface Script {
  /** Nodes that are there when it begins, at the first places. */
  readonly nodes: number
  readonly deeds: readonly Deed[]
  /** When it ends. */
  readonly endMs: number
}

/** `2104 ms: store "value 3" as rose through 10007` */
export const inWords = (deed: Deed): string => `${deed.atMs} ms: ${what(deed)}`

const what = (deed: Deed): string => {
  switch (deed.do) {
    case 'pause':
    case 'fill':
      return `${deed.do} ${portOf(deed.place)} for ${deed.ms} ms`
    case 'clock':
      return `set the clock of ${portOf(deed.place)} by ${deed.ms} ms`
    case 'store': {
      const name = deed.name === undefined ? '' : ` as ${deed.name}`
      const lifetime = deed.ttlSeconds === undefined ? '' : ` for ${deed.ttlSeconds} s`
      return `store ${JSON.stringify(deed.value)}${name}${lifetime} through ${portOf(deed.place)}`
    }
    case 'remove':
    case 'look': {
      const { what: sought } = deed
      return `${deed.do} ${'name' in sought ? sought.name : JSON.stringify(sought.value)} through ${portOf(deed.place)}`
    }
    case 'cut':
      return `cut ${deed.some.map(portOf).join(' ')} ${deed.oneWay ? 'off' : 'and'} ${deed.others.map(portOf).join(' ')}`
    case 'mend':
      return 'mend'
    case 'add':
    case 'crash':
    case 'stop':
    case 'leave':
    case 'restart':
    case 'wipe':
    case 'jam':
      return `${deed.do} ${portOf(deed.place)}`
  }
}
