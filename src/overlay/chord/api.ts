/** The rows that only Chord answers. */
import { type Static, Type } from 'typebox'
import { Route } from '../../protocol/peer-api.ts'
import { channelled, row, signed } from '../../protocol/rpc.ts'
import type { Id } from '../../space/id.ts'
import { Avoided, exact, IdText, Nothing, ownerships, Peer, Peers } from '../../protocol/schemas.ts'

/** What a maintenance step copies, as of one moment. A lone node is its own neighbour. */
export const Neighborhood = exact({ self: Peer, predecessor: Peer, successors: Peers })
export type Neighborhood = Static<typeof Neighborhood>

/** `current` is the pointer as it is at the answer; an accepted candidate takes its place once it has answered. */
const Candidacy = exact({ accepted: Type.Boolean(), reason: Type.Optional(Type.String()), current: Peer })
export type Candidacy = Static<typeof Candidacy>

const candidate = {
  ...Peer.properties,
  leaving: Type.Optional(Type.String({ format: 'id', description: 'the current pointer, which says goodbye' })),
}
export type Candidate = Peer & { readonly leaving?: Id }

/** A run of fingers that are one node. */
const Finger = exact({ from: Type.Integer(), to: Type.Integer(), peer: Peer })

export const chordAttributes = {
  ownership: Type.Enum(ownerships),
  predecessor: Peer,
  successor: Peer,
  successors: Peers,
  fingers: Type.Array(Finger),
}

export const chordApi = {
  predecessor: row('GET', '/predecessor', 'the predecessor of this node', {}, Peer),
  successor: row('GET', '/successor', 'the successor of this node', {}, Peer),
  offerPredecessor: signed(
    channelled(row('PUT', '/predecessor', 'a candidate for predecessor (Chord calls this notify)', candidate, Candidacy)),
  ),
  offerSuccessor: signed(channelled(row('PUT', '/successor', 'a candidate for successor', candidate, Candidacy))),
  predecessors: channelled(
    row(
      'GET',
      '/predecessors',
      'the predecessors this node knows of, nearest first; none while its predecessor has not acknowledged it: a hint, and a sign of life',
      {},
      exact({ predecessors: Peers }),
    ),
  ),
  neighborhood: channelled(
    row('GET', '/neighborhood', 'predecessor and successor list, to be copied by maintenance', {}, Neighborhood),
  ),
  approach: channelled(
    row(
      'POST',
      '/approach/:id',
      'one step towards the last node before a point; when final, that node and those after it',
      {
        id: IdText,
        count: Type.Integer({ minimum: 1, maximum: 32 }),
        avoid: Avoided,
      },
      Route,
    ),
  ),
  join: signed(
    channelled(
      row(
        'POST',
        '/join',
        'where the caller belongs: its predecessor, and the successors after it',
        Peer.properties,
        exact({ predecessor: Peer, successors: Peers }),
      ),
    ),
  ),
  meet: signed(
    channelled(
      row(
        'POST',
        '/meet',
        'someone of this network to look up oneself through: there may be two rings',
        Peer.properties,
        Nothing,
      ),
    ),
  ),
}
export type ChordApi = typeof chordApi
