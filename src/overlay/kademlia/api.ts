/** The rows that only Kademlia answers. What Bytestag asks besides, the content calls do: `get` and `versions`, `fetch`, `insert`. */
import { type Static, Type } from 'typebox'
import { channelled, row, signed } from '../../protocol/rpc.ts'
import { Avoided, exact, IdText, Nothing, Peer, Peers } from '../../protocol/schemas.ts'
import type { Attributes } from '../overlay.ts'

/** Who asks: only a claim, until that one has answered itself. */
const from = { from: Peer }

/** Contacts that share so many bits with this node, the least recently seen first. */
const Bucket = exact({ bits: Type.Integer(), peers: Type.Array(Peer) })

export const kademliaAttributes = { k: Type.Integer(), buckets: Type.Array(Bucket) }

/** How many buckets it has, and who is in them. */
export const kademliaColumns = ({ buckets }: Attributes) => {
  const shown = (buckets ?? []) as readonly Static<typeof Bucket>[]
  return { BUCKETS: shown.length, CONTACTS: shown.flatMap(({ peers }) => peers).length }
}

export const kademliaApi = {
  ping: signed(channelled(row('POST', '/ping', 'a sign of life; whoever asks is asked for one in return', from, Nothing))),
  findNode: signed(
    channelled(
      row(
        'POST',
        '/nodes/:id',
        'the nearest to an id that this node knows, itself among them, without those to avoid',
        { id: IdText, count: Type.Integer({ minimum: 1, maximum: 32 }), avoid: Avoided, ...from },
        exact({ peers: Peers }),
      ),
    ),
  ),
  goodbye: signed(
    channelled(row('POST', '/goodbye', 'the caller is about to go; it is asked whether that is so', from, Nothing)),
  ),
}
export type KademliaApi = typeof kademliaApi
