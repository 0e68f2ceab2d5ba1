/** The rows that only Kademlia answers. What Bytestag asks besides, the content calls do: `get` and `versions`, `fetch`, `insert`. */
import { Type } from 'typebox'
import { batched, row, signed } from '../../protocol/rpc.ts'
import { IdText, Peer } from '../../protocol/schemas.ts'

const nothing = Type.Object({}, { additionalProperties: false })
const peers = Type.Array(Peer, { maxItems: 64 })
/** Who asks: only a claim, until that one has answered itself. */
const from = { from: Peer }

/** Contacts that share so many bits with this node, the least recently seen first. */
const Bucket = Type.Object({ bits: Type.Integer(), peers: Type.Array(Peer) }, { additionalProperties: false })

export const kademliaAttributes = { k: Type.Integer(), buckets: Type.Array(Bucket) }

export const kademliaApi = {
  ping: signed(row('POST', '/ping', 'a sign of life; whoever asks is asked for one in return', from, nothing)),
  findNode: signed(
    batched(
      row(
        'POST',
        '/nodes/:id',
        'the nearest to an id that this node knows, itself among them, without those to avoid',
        {
          id: IdText,
          count: Type.Integer({ minimum: 1, maximum: 32 }),
          avoid: Type.Array(IdText, { maxItems: 1024 }),
          ...from,
        },
        Type.Object({ peers }, { additionalProperties: false }),
      ),
    ),
  ),
  goodbye: signed(row('POST', '/goodbye', 'the caller is about to go; it is asked whether that is so', from, nothing)),
}
export type KademliaApi = typeof kademliaApi
