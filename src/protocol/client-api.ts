/** What people say to the network: any node answers for all of it. */
import { type Static, Type } from 'typebox'
import { memberStates, Tags } from './packets.ts'
import { row, signed } from './rpc.ts'
import { Encoding, exact, Hop, IdText, Index, MediaType, Mode, Name, Peer, ValueText, Version, limits } from './schemas.ts'

/** A key is `/:key`, or `?value=`, or `?name=`. */
const byKey = { key: IdText }
export const byContent = { value: Type.Optional(Type.String({ maxLength: limits.valueBytes })), name: Type.Optional(Name) }
const route = { mode: Type.Optional(Mode) }
const raw = {
  raw: Type.Optional(Type.Enum(['', '1', 'true'], { description: 'answer the bytes of the one value, not JSON' })),
}

const Travel = {
  hops: Type.Integer({
    description:
      'peers that answered, of those who hold the key as well; where several are asked at a time on the way (Kademlia), its steps',
  }),
  path: Type.Array(Hop),
}

const Value = exact({
  index: Index,
  value: Type.String(),
  encoding: Type.Optional(Encoding),
  contentType: Type.String(),
  name: Type.Optional(Name),
  version: Version,
  expiresAt: Type.Optional(Type.Integer()),
})
export type Value = Static<typeof Value>

const Found = exact({ key: IdText, values: Type.Array(Value), answeredBy: Peer, ...Travel })
export type Found = Static<typeof Found>

const Placed = exact({ key: IdText, owner: Peer, window: Type.Array(Peer), mode: Mode, ...Travel })
export type Placed = Static<typeof Placed>

const Written = exact({
  key: IdText,
  index: Index,
  version: Version,
  owner: Peer,
  stored: Type.Integer(),
  wanted: Type.Integer(),
  hops: Type.Integer(),
})
export type Written = Static<typeof Written>

const Deleted = exact({ key: IdText, deleted: Type.Array(Index), stored: Type.Integer(), wanted: Type.Integer() })
export type Deleted = Static<typeof Deleted>

const content = {
  value: ValueText,
  encoding: Type.Optional(Encoding),
  contentType: Type.Optional(MediaType),
  ttlSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.ttlSeconds })),
}

export const nodeStates = ['joining', 'ready', 'leaving', 'left'] as const

const count = (description: string) => Type.Integer({ minimum: 0, description })

export const Counts = exact({
  owned: count('records that this node answers for'),
  replicas: count('records of which it keeps a copy for another owner'),
  misplaced: count('records that it keeps until those who should hold them have them'),
  bytes: count('all of them, as they count for the quota'),
  full: Type.Boolean({ description: 'something was refused for which the quota leaves no room, or the disk takes nothing' }),
  moving: count('records known to be on their way in or out'),
  complete: Type.Boolean({ description: 'everything written to its part is here, as far as anyone knows' }),
})
export type Counts = Static<typeof Counts>

export const Watch = exact({
  alive: count('members that are there, this node among them'),
  suspect: count('members that may be dead'),
  dead: count('members that were suspected and have not refuted it in time, or have stopped'),
  left: count('members that have said that they go for good'),
  health: count('0: this node is well; more: it is slow itself'),
  cutOff: Type.Boolean({ description: 'so many are silent at once that it is rather this node that is cut off' }),
  known: Type.Boolean({ description: 'somebody has told it of everyone, or there was nobody to ask' }),
  aheadMs: Type.Integer({
    description: "by how much its clock is ahead of most others', or behind, where that is more than a minute",
  }),
  drops: Type.Record(Type.String(), Type.Integer(), { description: 'what was heard and not heeded, by reason' }),
})
export type Watch = Static<typeof Watch>

/** Whatever the overlay; what it shows besides, its entry in the list of overlays says. */
export const NodeInfo = Type.Object({
  network: Type.String(),
  name: Type.String(),
  id: IdText,
  url: Type.String(),
  overlay: Type.String(),
  bits: Type.Integer(),
  replicas: Type.Integer(),
  mode: Mode,
  version: Type.String(),
  incarnation: Type.Integer(),
  state: Type.Enum(nodeStates),
  degraded: Type.Boolean(),
  content: Counts,
  membership: Type.Optional(Watch),
})
/** With what is its overlay's own. */
export type NodeInfo = Static<typeof NodeInfo> & { readonly [attribute: string]: unknown }

export const roles = ['owned', 'replica', 'misplaced'] as const
const Row = exact({
  key: IdText,
  index: Index,
  name: Type.Optional(Name),
  role: Type.Enum(roles),
  size: Type.Integer(),
  preview: Type.String(),
  contentType: Type.String(),
  version: Version,
})
export const Page = exact({ entries: Type.Array(Row), next: Type.Optional(Type.String()) })
export type Page = Static<typeof Page>

const Member = exact({
  ...Peer.properties,
  name: Type.String(),
  state: Type.Enum(memberStates),
  sinceMs: Type.Integer(),
  incarnation: Type.Optional(Type.Integer()),
  version: Type.Optional(Type.String()),
  tags: Type.Optional(Tags),
})
export type Member = Static<typeof Member>

export const clientApi = {
  nodeinfo: row('GET', '/nodeinfo', 'all that this node knows of itself', {}, NodeInfo),
  find: row('GET', '/find/:key', 'who owns the key, and the way there', { ...byKey, ...route }, Placed),
  findBy: row('GET', '/find', 'the same by ?value= or ?name=', { ...byContent, ...route }, Placed),
  store: row(
    'POST',
    '/store',
    'store a value: JSON, a form (curl -d value=hello), or any other content type as raw bytes; many values: NDJSON',
    { ...content, name: Type.Optional(Name) },
    Written,
    201,
  ),
  storeNamed: row('PUT', '/store/:name', 'store raw bytes under a name (curl -T)', { ...content, name: Name }, Written, 201),
  lookup: row('GET', '/lookup/:key', 'every value under the key', { ...byKey, ...route, ...raw }, Found),
  lookupBy: row('GET', '/lookup', 'the value stored as ?value= or under ?name=', { ...byContent, ...route, ...raw }, Found),
  remove: row('DELETE', '/delete/:key', 'delete every value under the key', byKey, Deleted),
  removeBy: row('DELETE', '/delete', 'delete what is stored as ?value= or under ?name=', byContent, Deleted),
  db: row(
    'GET',
    '/db',
    'the local content of this node, a page in key order',
    {
      after: Type.Optional(
        Type.String({ pattern: '^[0-9a-f]{2,40}(/[vn]:[0-9a-f]{40})?$', description: 'the `next` of the page before' }),
      ),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    },
    Page,
  ),
  members: row('GET', '/members', 'the peers this node knows', {}, exact({ members: Type.Array(Member) })),
  tags: signed(
    row(
      'PUT',
      '/tags',
      'what this node tells everyone of itself besides, in the place of what it told so far: 512 bytes in all',
      { tags: Tags },
      exact({ tags: Tags }),
    ),
  ),
  leave: signed(
    row(
      'POST',
      '/leave',
      'hand over the content, rewire the neighbours, stop',
      {},
      exact({ state: Type.Enum(nodeStates), toMove: Type.Integer() }),
      202,
    ),
  ),
  healthz: row('GET', '/healthz', 'alive', {}, exact({ state: Type.Enum(nodeStates) })),
  readyz: row('GET', '/readyz', 'alive and joined; 503 otherwise', {}, exact({ state: Type.Enum(nodeStates) })),
}
export type ClientApi = typeof clientApi
