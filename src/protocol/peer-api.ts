/** What peers say to each other, whatever the overlay: one step of a lookup, and copies of records. */
import { type Static, Type } from 'typebox'
import { byContent } from './client-api.ts'
import { membersMost, Update } from './packets.ts'
import { channelled, row, signed } from './rpc.ts'
import { Avoided, exact, Index, IdText, Mode, Peer, Peers, Stored, Version, limits } from './schemas.ts'

/** Owner first, then the rest of the window, when final; otherwise peers closer to the key, best next first. */
export const Route = exact({ peers: Peers, final: Type.Boolean() })
export type Route = Static<typeof Route>

/**
 * What a node says of its standing for a key: whether it believes that it should hold it, with how many in the window, whether it
 * has had everything written there, and who to ask besides. `ask` is never followed far: a node that is asked answers from its
 * own store.
 */
export const Standing = exact({
  held: Type.Boolean(),
  complete: Type.Boolean(),
  window: Type.Integer({ minimum: 0 }),
  ask: Peers,
})
export type Standing = Static<typeof Standing>

/** A record as a node tells of it: without its value where that is large, and was not asked for. */
export const Told = exact({ ...Stored.properties, value: Type.Optional(Stored.properties.value) })
export type Told = Static<typeof Told>

/** Records under one key: where many nodes store at once, more come than may live there. What one call carries, about. */
export const heldMost = Math.floor(limits.bodyBytes / 300)

/** What a node has under a key, tombstones among it, and its standing. */
const Held = exact({ key: IdText, records: Type.Array(Told, { maxItems: heldMost }), ...Standing.properties })
export type Held = Static<typeof Held>

/** The details of NOT_HELD: the same, where none of the records lives. */
export const NotHeld = Type.Omit(Held, ['key'])

/** Where a record lives: `key/index`. */
const Cursor = Type.String({ maxLength: 128 })

/** Of the versions of some records: equal when, and as good as only when, they are. */
const Print = Type.String({ pattern: '^[0-9a-f]{16}$' })
/** How many records lie on an arc, and their fingerprint. */
const Part = exact({ to: IdText, count: Type.Integer({ minimum: 0, maximum: 2 ** 32 }), print: Print })
export type Part = Static<typeof Part>

/** Parts that an arc is divided into for comparison: a difference among n records is found in log16 n calls. */
export const digestParts = 16
/** Arcs that are compared in one call. */
export const digestArcs = 64
/** Parts of an arc that are named: whoever has had more of them apart is not believed the rest. */
export const completeMost = 64

/** Members of which one tells in an exchange: all that it knows, and itself. */
const toldMost = membersMost + 1

const arc = { from: IdText, to: IdText }
/** Where a node has had everything that was written. */
const complete = {
  complete: Type.Array(exact(arc), { maxItems: completeMost, description: 'where it has had everything' }),
  witnessed: Type.Array(exact(arc), { maxItems: completeMost, description: 'where, of that, nothing was ever given up' }),
}
/** Of one that goes, and takes no writes any more: whoever is told so has all that it had there. */
const Inherited = exact(complete)
export type Inherited = Static<typeof Inherited>

/** What a node says of an arc. */
const Digest = exact({
  parts: Type.Array(Part, { maxItems: digestParts }),
  held: Type.Boolean({ description: 'it holds the arc, and all that it has there is on its disk' }),
  shared: Type.Boolean(),
  ...complete,
  doubting: Type.Boolean({ description: 'it was away so long that what it has from before is in doubt' }),
  knew: Type.Integer({
    minimum: 0,
    description: 'until when it had everything in an earlier life, ms since 1970; 0: it did not',
  }),
  forgotten: Type.Integer({ minimum: 0, description: 'deletions before that, in ms since 1970, it need not remember' }),
  knowsFrom: Type.Integer({ minimum: 0, description: 'deletions before that, in ms since 1970, it may not know of' }),
})
export type Digest = Static<typeof Digest>
/** A record without its content: its key is the beginning of its index. */
const Entry = exact({ index: Index, version: Version })

export const peerApi = {
  route: channelled(
    row(
      'POST',
      '/route/:key',
      'one routing decision, from what this node knows, without those to avoid',
      {
        key: IdText,
        count: Type.Integer({ minimum: 1, maximum: 32 }),
        avoid: Avoided,
        mode: Mode,
      },
      Route,
    ),
  ),
  insert: signed(
    channelled(
      row(
        'PUT',
        '/insert/:key',
        'merge a record into this node, and say which version won; `with`: who else is being given it',
        { key: IdText, record: Stored, with: Type.Array(IdText, { maxItems: 64 }) },
        exact({ version: Version, ...Standing.properties }),
      ),
    ),
  ),
  keep: signed(
    channelled(
      row(
        'PUT',
        '/keep',
        'merge records that all `with` are given; `kept`: of each, whether it has won, and they are all who should have it',
        { records: Type.Array(Stored, { maxItems: limits.page }), with: Type.Array(IdText, { maxItems: 64 }) },
        exact({ kept: Type.Array(Type.Boolean()) }),
      ),
    ),
  ),
  merge: signed(
    row(
      'POST',
      '/merge',
      'merge many records, all of them or only those this node believes it holds; `held` says which these are',
      {
        records: Type.Array(Stored, { maxItems: limits.page }),
        keep: Type.Enum(['held', 'all']),
        inherited: Type.Optional(Inherited),
      },
      exact({ held: Type.Array(Type.Boolean()) }),
    ),
  ),
  get: channelled(
    row(
      'GET',
      '/get/:key',
      'what this very node holds under the key; 404 NOT_HELD says what this node knows all the same',
      {
        key: IdText,
        index: Type.Optional(Index),
        brief: Type.Optional(Type.Boolean({ description: 'without the values that are large: `fetch` gives them' })),
      },
      Held,
    ),
  ),
  getBy: row('GET', '/get', 'the same by ?value= or ?name=', byContent, Held),
  cell: channelled(
    row(
      'GET',
      '/cell/:key',
      'the range around a key that this node believes it holds, and the window it shares it with; 404 NOT_HELD',
      { key: IdText },
      exact({ ...arc, window: Type.Array(Peer, { minItems: 1, maxItems: 64 }) }),
    ),
  ),
  digest: signed(
    channelled(
      row(
        'POST',
        '/digest',
        'of each arc (from, to], of which the caller says what it has, fingerprints of parts, or of the whole where they would say no more; whether this node holds it all, and in one window with the caller',
        { arcs: Type.Array(exact({ from: IdText, ...Part.properties }), { minItems: 1, maxItems: digestArcs }), by: IdText },
        exact({ digests: Type.Array(Digest, { maxItems: digestArcs }) }),
      ),
    ),
  ),
  versions: signed(
    row(
      'POST',
      '/versions',
      'which records this node has on the arc (from, to], in which version, a page',
      { ...arc, after: Type.Optional(Cursor), limit: Type.Integer({ minimum: 1, maximum: limits.page }) },
      exact({ entries: Type.Array(Entry, { maxItems: limits.page }), next: Type.Optional(Cursor) }),
    ),
  ),
  records: signed(
    row(
      'POST',
      '/records',
      'the records this node has on the arc (from, to], a page, for one who has none there',
      { ...arc, after: Type.Optional(Cursor), limit: Type.Integer({ minimum: 1, maximum: limits.page }) },
      exact({ records: Type.Array(Stored, { maxItems: limits.page }), next: Type.Optional(Cursor) }),
    ),
  ),
  fetch: signed(
    row(
      'POST',
      '/fetch',
      'records by their cursors, as many of the first as fit into one answer',
      { cursors: Type.Array(Cursor, { maxItems: limits.page }) },
      exact({ records: Type.Array(Stored, { maxItems: limits.page }) }),
    ),
  ),
  forget: signed(
    row(
      'DELETE',
      '/forget/:key',
      'drop the copies of this node under a key that it does not hold any more, once others have them',
      { key: IdText },
      exact({ dropped: Type.Integer() }),
    ),
  ),
  sync: signed(
    channelled(
      row(
        'POST',
        '/sync',
        'exchange what both know of all members, themselves and those who died or left among them',
        { members: Type.Array(Update, { minItems: 1, maxItems: toldMost }) },
        exact({
          members: Type.Array(Update, { maxItems: toldMost }),
          reunitedMs: Type.Optional(
            Type.Integer({ minimum: 0, description: 'so long ago it heard of some who had lived on apart from it' }),
          ),
        }),
      ),
    ),
  ),
}
export type PeerApi = typeof peerApi
