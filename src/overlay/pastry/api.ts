/** The rows that only Pastry answers, and what /nodeinfo shows of it. */
import { type Static, Type } from 'typebox'
import { Route } from '../../protocol/peer-api.ts'
import { channelled, row, signed } from '../../protocol/rpc.ts'
import { Avoided, exact, Nothing, Peer, Peers } from '../../protocol/schemas.ts'
import type { Attributes } from '../overlay.ts'

const leaves = { leaves: Type.Array(Peer, { maxItems: 64, description: 'the leaf set, clockwise from this node' }) }

/** A node's leaf set, routing table by rows, and neighbourhood set: what a newcomer makes its own from. Pastry §2.4. */
const State = exact({ ...leaves, rows: Type.Array(Peers, { maxItems: 40 }), neighborhood: Peers })
export type State = Static<typeof State>

/** One step of the way to a newcomer's place. */
const Step = exact({ ...Route.properties, ...State.properties })
export type Step = Static<typeof Step>

export const pastryApi = {
  leaves: channelled(row('GET', '/leaves', 'the leaf set of this node: a sign of life', {}, exact(leaves))),
  state: channelled(row('GET', '/state', 'leaf set, routing table and neighbourhood of this node', {}, State)),
  arrive: signed(
    channelled(
      row(
        'POST',
        '/arrive',
        'one step of the way to the place of the caller, who is coming, and the state of who is met there',
        { ...Peer.properties, avoid: Avoided },
        Step,
      ),
    ),
  ),
  notice: signed(
    channelled(
      row('POST', '/notice', 'the caller has come, has news or is going: it is to be asked', Peer.properties, Nothing),
    ),
  ),
}
export type PastryApi = typeof pastryApi

const Known = exact({ ...Peer.properties, ms: Type.Number({ description: 'round trip' }) })

export const pastryAttributes = {
  leafSetSize: Type.Integer(),
  leafSet: Type.Array(Known, { description: 'clockwise from this node' }),
  rows: Type.Array(Type.Array(Known), { description: 'the routing table: those with no digit in common, with one, …' }),
  neighborhood: Type.Array(Known, { description: 'the nearest by round trip, nearest first' }),
}
export type Known = Static<typeof Known>

/** How many it knows: by id on both sides; of the routing table the rows, and all in it. */
export const pastryColumns = ({ leafSet, rows }: Attributes) => {
  const table = (rows ?? []) as readonly (readonly Known[])[]
  return { LEAVES: ((leafSet ?? []) as readonly Known[]).length, ROWS: table.length, ROUTES: table.flat().length }
}
