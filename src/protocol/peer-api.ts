/** What peers say to each other, whatever the overlay: one step of a lookup, and copies of records. */
import { type Static, Type } from 'typebox'
import { row } from './rpc.ts'
import { Index, IdText, Mode, Name, Peer, Stored, Version, limits } from './schemas.ts'

/** Owner first, then the rest of the window, when final; otherwise peers closer to the key, best next first. */
export const Route = Type.Object(
  { peers: Type.Array(Peer, { maxItems: 64 }), final: Type.Boolean() },
  { additionalProperties: false },
)
export type Route = Static<typeof Route>

/**
 * What a node says of its standing for a key: whether it believes that it should hold it, whether it has had everything
 * written there, and who to ask besides. `ask` is never followed far: a node that is asked answers from its own store.
 */
export const Standing = Type.Object(
  { held: Type.Boolean(), complete: Type.Boolean(), ask: Type.Array(Peer, { maxItems: 64 }) },
  { additionalProperties: false },
)
export type Standing = Static<typeof Standing>

/** A node's records under a key, tombstones among them, and its standing. */
const Held = Type.Object({ key: IdText, records: Type.Array(Stored), ...Standing.properties }, { additionalProperties: false })
export type Held = Static<typeof Held>

/** The details of NOT_HELD: the same, where none of the records lives. */
export const NotHeld = Type.Omit(Held, ['key'])

/** Where a page of `range` ended: a key and an index. */
const Cursor = Type.String({ maxLength: 128 })

export const peerApi = {
  route: row(
    'POST',
    '/route/:key',
    'one routing decision, from what this node knows, without those to avoid',
    {
      key: IdText,
      count: Type.Integer({ minimum: 1, maximum: 32 }),
      avoid: Type.Array(IdText, { maxItems: 1024 }),
      mode: Mode,
    },
    Route,
  ),
  insert: row(
    'PUT',
    '/insert/:key',
    'merge a record into this node, and say which version won',
    { key: IdText, record: Stored },
    Type.Object({ version: Version, ...Standing.properties }, { additionalProperties: false }),
  ),
  merge: row(
    'POST',
    '/merge',
    'merge many records, all of them or only those this node believes it holds; `held` says which these are',
    { records: Type.Array(Stored, { maxItems: limits.page }), keep: Type.Enum(['held', 'all']) },
    Type.Object({ held: Type.Array(Type.Boolean()) }, { additionalProperties: false }),
  ),
  get: row(
    'GET',
    '/get/:key',
    'what this very node holds under the key; 404 NOT_HELD says what this node knows all the same',
    { key: IdText, index: Type.Optional(Index) },
    Held,
  ),
  getBy: row(
    'GET',
    '/get',
    'the same by ?value= or ?name=',
    { value: Type.Optional(Type.String({ maxLength: limits.valueBytes })), name: Type.Optional(Name) },
    Held,
  ),
  range: row(
    'GET',
    '/range',
    'the records of this node on the arc (from, to], a page; `complete`: it has had them all; `held`: it still takes new ones',
    { from: IdText, to: IdText, after: Type.Optional(Cursor), limit: Type.Integer({ minimum: 1, maximum: limits.page }) },
    Type.Object(
      { records: Type.Array(Stored), next: Type.Optional(Cursor), complete: Type.Boolean(), held: Type.Boolean() },
      { additionalProperties: false },
    ),
  ),
  forget: row(
    'DELETE',
    '/forget/:key',
    'drop the copies of this node under a key that it does not own',
    { key: IdText },
    Type.Object({ dropped: Type.Integer() }, { additionalProperties: false }),
  ),
}
export type PeerApi = typeof peerApi
