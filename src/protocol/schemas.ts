/**
 * The nouns of the wire. The string formats `id` (an id of this network's width) and `origin` (a canonical http origin) are
 * checked by whoever receives: see `formats`.
 */
import { type Static, type TObject, type TProperties, Type } from 'typebox'
import { Value } from 'typebox/value'
import { type Id, idBits, isId } from '../space/id.ts'

export const limits = {
  valueBytes: 1024 * 1024,
  nameBytes: 512,
  ttlSeconds: 10 * 365 * 24 * 3600,
  /** Records that travel in one call. */
  page: 500,
  /** Values under one key; more would make a key that nobody can look up. */
  valuesPerKey: 256,
  /** Bytes of one peer call's body: a value of 1 MiB in base64 or escaped JSON, with room. */
  bodyBytes: 8 * 1024 * 1024,
} as const

const rememberedMost = 1024

/** How lookups travel. Which of these an overlay has, its entry in the list of overlays says; `onehop` they all have. */
export const modes = ['linear', 'fingers', 'buckets', 'prefix', 'onehop'] as const
export const ownerships = ['successor', 'predecessor'] as const

/** An object of these fields and no others. */
export const exact = <F extends TProperties>(fields: F): TObject<F> => Type.Object(fields, { additionalProperties: false })

/** Nothing to be said. */
export const Nothing = exact({})

/** `'39ffa7…'`, as wide as the network's ids. */
export const IdText = Type.String({ format: 'id', description: 'an id of this network: bits / 4 lowercase hex digits' })

/** `{ id: '0ce23a…', url: 'http://127.0.0.1:10001' }`: someone reachable. */
export const Peer = exact({ id: IdText, url: Type.String({ format: 'origin', maxLength: 255 }) })
export type Peer = Static<typeof Peer>

/** As many as one answer names. */
export const Peers = Type.Array(Peer, { maxItems: 64 })
/** Ids of those who are not to be named. */
const avoidedMost = 1024
export const Avoided = Type.Array(IdText, { maxItems: avoidedMost })
/** Those to avoid as they travel: the last of them, where they are too many. */
export const avoidedOf = (ids: Iterable<Id>): Id[] => [...ids].slice(-avoidedMost)

export const Mode = Type.Enum(modes, {
  description:
    'linear: successor by successor; fingers: by the finger table and the successor list (Chord); buckets: by the nearest of all (Kademlia); prefix: by the next digit (Pastry); onehop: straight to the window, by the known members',
})
export type Mode = Static<typeof Mode>

/** `v:` and the hash of a value, or `n:` and the hash of a name, full width whatever the ids' width. */
export const Index = Type.String({ pattern: '^[vn]:[0-9a-f]{40}$' })

/** Of what is kept under a place. */
export const patterns = {
  // Before 2527: a later one could not be exceeded for ever.
  hlc: '^0[0-9a-f]{15}$',
  origin: '^[0-9a-f]{2,40}(-[0-9a-f]{1,14})?$',
  contentType: '^[\\x20-\\x7e]{1,255}$',
} as const

/**
 * A hybrid logical clock's stamp, 16 hex digits in order of time, and who gave it in which life: `<id>-<incarnation in hex>`. A node that
 * begins anew does not remember what it has stamped, and its clock may be behind: by its life no two writes have one version.
 */
export const Version = exact({
  hlc: Type.String({ pattern: patterns.hlc }),
  origin: Type.String({ pattern: patterns.origin }),
})
export type Version = Static<typeof Version>

/** Bytes as text: UTF-8 as it is, anything else in base64 and marked so. */
export const Encoding = Type.Literal('base64')
export const ValueText = Type.String({ maxLength: Math.ceil(limits.valueBytes / 3) * 4 })
const ContentType = Type.String({ pattern: patterns.contentType })
/** What may be said of a value: the form that the header has, RFC 9110 §8.3.1, without backticks. */
export const MediaType = Type.String({
  maxLength: 255,
  pattern: "^[\\w!#$%&'*+.^|~-]+/[\\w!#$%&'*+.^|~-]+ *(;[\\x20-\\x7e]*)?$",
  description: 'type/subtype, as in text/plain',
})
export const Name = Type.String({ minLength: 1, maxLength: limits.nameBytes })

/**
 * What is kept, under (key, index). A null value is a tombstone.
 * `{ key: '2cf24d…', index: 'v:2cf24d…', value: 'hello', contentType: 'text/plain; charset=utf-8', version: { hlc, origin } }`
 */
export const Stored = exact({
  key: IdText,
  index: Index,
  value: Type.Unsafe<string | null>({ ...ValueText, type: ['string', 'null'] }),
  encoding: Type.Optional(Encoding),
  contentType: ContentType,
  name: Type.Optional(Name),
  version: Version,
  expiresAt: Type.Optional(Type.Integer({ minimum: 0 })),
})
/** A record; the schema is called `Stored` because `Record` is a word of the language. */
export type StoredRecord = Static<typeof Stored>

/** One peer asked in a lookup, and how long it took; a slow one had not answered by the time another one had. */
export const Hop = Type.Object({
  id: IdText,
  url: Type.String(),
  ms: Type.Number(),
  dead: Type.Optional(Type.Boolean()),
  slow: Type.Optional(Type.Boolean()),
})
export type Hop = Static<typeof Hop>

/** The checks behind the string formats, for a network of so many bits. */
export const formats = (bits: number): Record<string, (text: string) => boolean> => ({
  id: (text) => isId(text, bits),
  origin: remembering(isOrigin),
})

/** Whether something is a peer whose id has so many bits: for what comes beside an error, which no schema of a reply was held against. */
export const isPeer = (given: unknown, bits: number): given is Peer =>
  Value.Check(Peer, given) && isId(given.id, bits) && isOrigin(given.url)

/** The same few texts are asked about again and again. */
const remembering = (check: (text: string) => boolean): ((text: string) => boolean) => {
  const passed = new Set<string>()
  return (text) => {
    if (passed.has(text)) return true
    if (!check(text)) return false
    if (passed.size < rememberedMost) passed.add(text)
    return true
  }
}

/** A canonical http(s) origin: `http://127.0.0.1:10001`, no path, no credentials, no default port spelt out, not link-local. */
export const isOrigin = (text: string): boolean => {
  const [, scheme = '', host = '', port] = /^(https?):\/\/(\[[^\]]*\]|[^:/]+)(?::([1-9][0-9]{0,4}))?$/.exec(text) ?? []
  if (port === (scheme === 'http' ? '80' : '443') || Number(port ?? 1) > 65_535) return false
  if (host.startsWith('[')) return isIpv6(host.slice(1, -1))
  // A last label that begins with a digit makes a host a number to whoever resolves it: then it must be four plain octets.
  if (/(^|\.)[0-9][^.]*$/.test(host)) return isIpv4(host)
  // Whoever parses a url may find an internationalised label to be none.
  return /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(host) && !/\.\.|(^|\.)xn--/.test(host)
}

const isIpv4 = (host: string): boolean =>
  /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(host) &&
  host.split('.').every((octet) => Number(octet) < 256) &&
  Number(host.split('.')[0]) < 224 &&
  !host.startsWith('169.254.')

/** In its shortest form, as parsers of urls write it, and without an IPv4 address inside: those have a form of their own. */
const isIpv6 = (host: string): boolean => {
  const [head = '', tail, ...more] = host.split('::')
  const groups = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')))
  const [before = [], after = []] = groups
  const spelt = before.length + after.length
  if (more.length > 0 || (tail === undefined ? spelt !== 8 : spelt >= 8)) return false
  const all = [...before, ...Array.from({ length: 8 - spelt }, () => '0'), ...after]
  return (
    all.every((group) => /^(0|[1-9a-f][0-9a-f]{0,3})$/.test(group)) &&
    host === shortest(all.join(':')) &&
    !/^fe[89ab]|^::ffff:/.test(host)
  )
}

/** `1:0:0:2:0:0:0:3` → `1:0:0:2::3`: the first of the longest runs of zeros is left out. RFC 5952 §4.2. */
const shortest = (address: string): string => {
  const [longest] = [...address.matchAll(/\b0(:0)+\b/g)].sort((a, b) => b[0].length - a[0].length)
  if (!longest) return address
  const before = address.slice(0, longest.index).replace(/:$/, '')
  const after = address.slice(longest.index + longest[0].length).replace(/^:/, '')
  return `${before}::${after}`
}

export const isIdBits = (bits: number): boolean =>
  Number.isInteger(bits) && bits >= idBits.minimum && bits <= idBits.maximum && bits % idBits.step === 0
