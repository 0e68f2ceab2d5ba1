/** What peers say to each other, whatever the overlay: one step of a lookup, and copies of records. */
import { type Static, Type } from 'typebox'
import { membersMost, Update } from './packets.ts'
import { batched, row, signed } from './rpc.ts'
import { Index, IdText, Mode, Name, Peer, Stored, Version, limits } from './schemas.ts'

/** Owner first, then the rest of the window, when final; otherwise peers closer to the key, best next first. */
export const Route = Type.Object(
  { peers: Type.Array(Peer, { maxItems: 64 }), final: Type.Boolean() },
  { additionalProperties: false },
)
export type Route = Static<typeof Route>

/**
 * What a node says of its standing for a key: whether it believes that it should hold it, with how many in the window, whether it
 * has had everything written there, and who to ask besides. `ask` is never followed far: a node that is asked answers from its
 * own store.
 */
export const Standing = Type.Object(
  {
    held: Type.Boolean(),
    complete: Type.Boolean(),
    window: Type.Integer({ minimum: 0 }),
    ask: Type.Array(Peer, { maxItems: 64 }),
  },
  { additionalProperties: false },
)
export type Standing = Static<typeof Standing>

/** A node's records under a key, tombstones among them, and its standing. */
const Held = Type.Object({ key: IdText, records: Type.Array(Stored), ...Standing.properties }, { additionalProperties: false })
export type Held = Static<typeof Held>

/** The details of NOT_HELD: the same, where none of the records lives. */
export const NotHeld = Type.Omit(Held, ['key'])

/** Where a record lives: `key/index`. */
const Cursor = Type.String({ maxLength: 128 })

/** Of the versions of some records: equal when, and as good as only when, they are. */
const Print = Type.String({ pattern: '^[0-9a-f]{16}$' })
/** How many records lie on an arc, and their fingerprint. */
const Part = Type.Object({ to: IdText, count: Type.Integer({ minimum: 0 }), print: Print }, { additionalProperties: false })
export type Part = Static<typeof Part>

/** Parts that an arc is divided into for comparison: a difference among n records is found in log16 n calls. */
export const digestParts = 16

const arc = { from: IdText, to: IdText }
/** A record without its content: its key is the beginning of its index. */
const Entry = Type.Object({ index: Index, version: Version }, { additionalProperties: false })

export const peerApi = {
  route: batched(
    row(
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
  ),
  insert: signed(
    batched(
      row(
        'PUT',
        '/insert/:key',
        'merge a record into this node, and say which version won; `with`: who else is being given it',
        { key: IdText, record: Stored, with: Type.Array(IdText, { maxItems: 64 }) },
        Type.Object({ version: Version, ...Standing.properties }, { additionalProperties: false }),
      ),
    ),
  ),
  keep: signed(
    batched(
      row(
        'PUT',
        '/keep',
        'merge records that all `with` are given; `kept`: of each, whether it has won, and they are all who should have it',
        { records: Type.Array(Stored, { maxItems: limits.page }), with: Type.Array(IdText, { maxItems: 64 }) },
        Type.Object({ kept: Type.Array(Type.Boolean()) }, { additionalProperties: false }),
      ),
    ),
  ),
  merge: signed(
    row(
      'POST',
      '/merge',
      'merge many records, all of them or only those this node believes it holds; `held` says which these are',
      { records: Type.Array(Stored, { maxItems: limits.page }), keep: Type.Enum(['held', 'all']) },
      Type.Object({ held: Type.Array(Type.Boolean()) }, { additionalProperties: false }),
    ),
  ),
  get: batched(
    row(
      'GET',
      '/get/:key',
      'what this very node holds under the key; 404 NOT_HELD says what this node knows all the same',
      { key: IdText, index: Type.Optional(Index) },
      Held,
    ),
  ),
  getBy: row(
    'GET',
    '/get',
    'the same by ?value= or ?name=',
    { value: Type.Optional(Type.String({ maxLength: limits.valueBytes })), name: Type.Optional(Name) },
    Held,
  ),
  cell: row(
    'GET',
    '/cell/:key',
    'the range around a key that this node believes it holds, and the window it shares it with; 404 NOT_HELD',
    { key: IdText },
    Type.Object({ ...arc, window: Type.Array(Peer, { minItems: 1, maxItems: 64 }) }, { additionalProperties: false }),
  ),
  digest: signed(
    batched(
      row(
        'POST',
        '/digest',
        'fingerprints of the arc (from, to], in parts unless it is the given one; whether this node holds it all, and in one window with the caller',
        { ...arc, by: IdText, print: Type.Optional(Print) },
        Type.Object(
          {
            parts: Type.Array(Part, { maxItems: digestParts }),
            held: Type.Boolean(),
            shared: Type.Boolean(),
            complete: Type.Boolean(),
            witnessed: Type.Boolean({ description: 'complete, and nothing of it was ever given up' }),
            doubting: Type.Boolean({ description: 'it was away so long that what it has from before is in doubt' }),
            knew: Type.Integer({
              minimum: 0,
              description: 'until when it had everything in an earlier life, ms since 1970; 0: it did not',
            }),
            forgotten: Type.Integer({ minimum: 0, description: 'deletions before that, in ms since 1970, are not remembered' }),
          },
          { additionalProperties: false },
        ),
      ),
    ),
  ),
  versions: signed(
    row(
      'POST',
      '/versions',
      'which records this node has on the arc (from, to], in which version, a page',
      { ...arc, after: Type.Optional(Cursor), limit: Type.Integer({ minimum: 1, maximum: limits.page }) },
      Type.Object({ entries: Type.Array(Entry), next: Type.Optional(Cursor) }, { additionalProperties: false }),
    ),
  ),
  fetch: signed(
    row(
      'POST',
      '/fetch',
      'records by their cursors, as many of the first as fit into one answer',
      { cursors: Type.Array(Cursor, { maxItems: limits.page }) },
      Type.Object({ records: Type.Array(Stored) }, { additionalProperties: false }),
    ),
  ),
  forget: signed(
    row(
      'DELETE',
      '/forget/:key',
      'drop the copies of this node under a key that it does not own',
      { key: IdText },
      Type.Object({ dropped: Type.Integer() }, { additionalProperties: false }),
    ),
  ),
  sync: signed(
    row(
      'POST',
      '/sync',
      'exchange what both know of all members, themselves and those who died or left among them',
      { members: Type.Array(Update, { minItems: 1, maxItems: membersMost }) },
      Type.Object({ members: Type.Array(Update, { maxItems: membersMost }) }, { additionalProperties: false }),
    ),
  ),
}
export type PeerApi = typeof peerApi
