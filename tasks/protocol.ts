/**
 * docs/PROTOCOL.md, printed from the tables of calls: what a client must know that reads no TypeScript.
 *
 * Shapes that many calls share have a section of their own and are named elsewhere; a shape is recognised by its JSON
 * Schema, because the schema builder copies what it wraps.
 */
import { overlays } from '../src/overlay/overlays.ts'
import { clientApi } from '../src/protocol/client-api.ts'
import { errorStatus } from '../src/protocol/errors.ts'
import { Meta, packetBytes, packets, Update } from '../src/protocol/packets.ts'
import { peerApi } from '../src/protocol/peer-api.ts'
import { channel, type Row, type Table } from '../src/protocol/rpc.ts'
import { Hop, Index, limits, Mode, Peer, Stored, Version } from '../src/protocol/schemas.ts'
import { keyIdDigits, skewMs, tagBytes } from '../src/service/keyring.ts'
import { linesMax } from '../src/service/ndjson.ts'
import { codes, drops, version } from '../src/service/packet.ts'
import { signatureHeader } from '../src/service/signature.ts'

/** The parts of JSON Schema that our tables use. */
interface Shape {
  type?: string | string[]
  properties?: Record<string, Shape>
  required?: string[]
  items?: Shape
  anyOf?: Shape[]
  enum?: unknown[]
  const?: unknown
  format?: string
  pattern?: string
  description?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  maxItems?: number
}

const shapes: Record<string, object> = { Peer, Hop, Mode, Index, Version, Record: Stored, Meta, Update }
const nameOf = new Map(Object.entries(shapes).map(([name, schema]) => [JSON.stringify(schema), name] as const))

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``

const range = (low: number | undefined, high: number | undefined, unit = ''): string => {
  if (low !== undefined && high !== undefined) return ` ${low} to ${high}${unit}`
  if (low !== undefined) return ` from ${low}${unit}`
  return high === undefined ? '' : ` up to ${high}${unit}`
}

const typeOf = (shape: Shape): string => {
  const name = nameOf.get(JSON.stringify(shape))
  return name === undefined ? structureOf(shape) : `[${name}](#${name.toLowerCase()})`
}

const structureOf = (shape: Shape): string => {
  if (shape.const !== undefined) return code(JSON.stringify(shape.const))
  if (shape.enum) return shape.enum.map((value) => code(JSON.stringify(value))).join(' or ')
  if (Array.isArray(shape.type)) return shape.type.map((type) => structureOf({ ...shape, type })).join(' or ')
  if (shape.anyOf) return shape.anyOf.map(typeOf).join(' or ')
  if (shape.items) return `list of ${typeOf(shape.items)}${range(undefined, shape.maxItems)}`
  if (shape.properties) return `{ ${fieldsOf(shape).join(', ')} }`
  if (shape.format) return shape.format
  if (shape.type !== 'string') return `${shape.type ?? 'anything'}${range(shape.minimum, shape.maximum)}`
  const pattern = shape.pattern === undefined ? '' : ` ${code(shape.pattern)}`
  return `string${pattern}${range(shape.minLength, shape.maxLength, ' characters')}`
}

const fieldsOf = ({ properties = {}, required = [] }: Shape): string[] =>
  Object.entries(properties).map(([name, field]) => `${code(required.includes(name) ? name : `${name}?`)} ${typeOf(field)}`)

const requestOf = (row: Row): string[] => {
  const { properties = {}, required = [] } = row.request as Shape
  const travelling = { path: row.params, query: row.query, body: row.body }
  return Object.entries(travelling).flatMap(([where, names]) =>
    names.map((name) => {
      const field = properties[name] ?? {}
      const isNamed = field.format !== undefined || nameOf.has(JSON.stringify(field))
      const told = isNamed || field.description === undefined ? '' : `: ${field.description}`
      return `${where} ${code(required.includes(name) ? name : `${name}?`)} ${typeOf(field)}${told}`
    }),
  )
}

const replyOf = (reply: Shape): string[] => (nameOf.has(JSON.stringify(reply)) ? [typeOf(reply)] : fieldsOf(reply))

const rowOf = (row: Row): string => {
  const cells = [
    [code(`${row.method} ${row.path}`), row.summary, ...(row.signed ? ['*signed*'] : [])],
    requestOf(row),
    [String(row.status), ...replyOf(row.reply as Shape)],
  ]
  return `| ${cells.map((lines) => lines.join('<br>')).join(' | ')} |`
}

const tableOf = (title: string, words: string, api: Table): string =>
  [
    `## ${title}`,
    '',
    words,
    '',
    '| call | request | reply |',
    '| --- | --- | --- |',
    ...Object.values(api).map(rowOf),
    '',
  ].join('\n')

const shapeOf = ([name, schema]: [string, Shape]): string => {
  const lines = schema.properties ? fieldsOf(schema).map((field) => `- ${field}`) : [structureOf(schema)]
  return [`### ${name}`, '', ...lines, ...(schema.description ? ['', `${schema.description}.`] : []), ''].join('\n')
}

const errors = [...new Set(Object.values(errorStatus))].map((status) => {
  const names = Object.entries(errorStatus).filter(([, each]) => each === status)
  return `| ${status} | ${names.map(([name]) => code(name)).join(' ')} |`
})

/** ``'`route`, …'``: rows whose calls travel in channels. */
const channelled = Object.entries<Row>(Object.assign({}, clientApi, peerApi, ...Object.values(overlays).map(({ api }) => api)))
  .filter(([, row]) => row.channelled)
  .map(([name]) => code(name))
  .join(', ')

/** The whole page. */
export const protocolPage = (): string =>
  `<!-- Printed from the tables of calls by \`npm run protocol\`; do not edit. -->
# Protocol

Every node answers these calls over HTTP. Bodies and replies are JSON unless the call says otherwise. A request is one flat
set of fields: the path template says which of them travel in the path; the others travel in the query (GET, DELETE) or as
a JSON object in the body (PUT, POST). A field with \`?\` may be left out; a field that is not listed is refused.

- \`id\`: a point of the identifier space, bits / 4 lowercase hex digits, as wide as the network's ids.
- \`origin\`: a canonical http(s) origin such as \`http://127.0.0.1:10001\`.
- A value is at most ${limits.valueBytes} bytes, a name at most ${limits.nameBytes} bytes of UTF-8.
- Peers add the headers \`polychord-network\` (the network's id) and \`polychord-to\` (the id of the node they mean). A node that
  is not of that network answers \`OTHER_NETWORK\`, a node with another id \`WRONG_NODE\`. Without them a call is served.
- Where the network has a secret, calls marked *signed*, and \`GET ${channel.path}\`, are served only with the header
  \`${signatureHeader}: KEY CALLER TIME NUMBER HASH TAG\`; all others work without. KEY tells secrets apart: the first ${keyIdDigits} hex digits of
  SHA-256 over \`polychord key id\`, a line feed and the secret. CALLER is a name, a dot and 12 random hex digits, drawn anew in each life; TIME is in ms
  since 1970; NUMBER counts the calls of this CALLER; HASH is the SHA-256 of the body; TAG is the first ${tagBytes} bytes of HMAC-SHA-256, keyed with the
  secret, over \`polychord call\`, network, id of the node that is called, method, path with query, CALLER, TIME, NUMBER, HASH, with line feeds
  between. HASH and TAG are base64url without padding. TIME is at most ${skewMs / 60_000} minutes off and not before the node began; no call is served
  twice. What is wrong with a signature is 401 \`UNAUTHORIZED\`, whatever is called. The answer to a signed call has \`${signatureHeader}: KEY TAG\`, its TAG
  over \`polychord reply\`, the call's TAG, the status and the HASH of the answer.
- \`POST /store\` takes many values with the content type \`application/x-ndjson\`: one JSON object a line, ${linesMax} lines at most. The answer
  is 200 and one line for each, in their order: the reply, or the error of this line. The other lines are stored all the same.
- \`PUT /store/:name\`, and \`POST /store\` with any content type but JSON, a form and NDJSON, store the body as it is, under its content type; what else
  there is to say goes into the query: \`ttlSeconds\`, and for \`POST\` also \`name\`. Bodies are taken without \`content-encoding\`.
- Nodes call these of each other in channels: ${channelled}. \`GET ${channel.path}\` with \`Connection: Upgrade\` and
  \`Upgrade: ${channel.protocol}\` is answered 101, and the connection is one of frames from there on: four bytes for the length of what follows (big-endian), and JSON,
  \`[[NUMBER, NAME, { … }], …]\` with all the fields of each request, and in the other direction \`[[NUMBER, STATUS, reply or error], …]\`, of each
  as soon as it is there. NUMBER is the caller's, an integer. What is no such frame is answered with NUMBER \`null\`, and the connection closed. Where the network
  has a secret there are before the JSON the first ${keyIdDigits / 2} bytes that KEY is, and the first ${tagBytes} bytes of HMAC-SHA-256, keyed with the secret, over
  \`polychord frame\`, the TAG of the request that has opened the channel, \`asks\` or \`answers\`, the number of the frame in its direction, from 0, and the
  JSON, with line feeds between. Whoever is answered anything but 101 makes the calls alone.

${[
  tableOf('Client calls', 'What people say to the network; any node answers for all of it.', clientApi),
  tableOf('Peer calls', 'What peers say to each other, whatever the overlay.', peerApi),
  ...Object.entries(overlays).map(([name, { api, attributes, modes }]) => {
    const shown = fieldsOf({ properties: attributes as Record<string, Shape> }).join(', ')
    const ways = [...modes, 'onehop'].map((mode) => code(mode)).join(', ')
    return tableOf(
      `Calls of ${name}`,
      `What only nodes of ${name} answer. Modes: ${ways}. \`/nodeinfo\` shows besides: ${shown}.`,
      api,
    )
  }),
].join('\n')}
## Packets

What members say to each other in single UDP datagrams of ${packetBytes} bytes at most, at the port number of the HTTP server. Numbers are big-endian, ids
padded with zeros in front.

| bytes | what |
| --- | --- |
| 0-1 | \`pc\` |
| 2 | version of this layout: ${version} |
| 3 | type: ${Object.entries(codes)
    .map(([type, number]) => `${number} ${code(type)}`)
    .join(', ')} |
| 4-7 | KEY, as of calls; 0 where the network has no secret |
| 8-15 | network |
| 16-35 | sender |
| 36-43 | sender's incarnation: ms since 1970 at its start |
| 44-63 | receiver |
| 64-71 | number, from 0 in each life of the sender |
| 72-79 | time, ms since 1970 |
| 80- | body, in JSON |
| last ${tagBytes} | with a secret: the first bytes of HMAC-SHA-256 over all before |

| type | body |
| --- | --- |
${Object.entries(packets)
  .map(([type, body]) => `| ${code(type)} | ${fieldsOf(body as Shape).join('<br>')} |`)
  .join('\n')}

Dropped, and counted in \`polychord_packet_drops_total\` by the first of these: ${drops.join(', ')}.

## Shapes

${Object.entries(shapes).map(shapeOf).join('\n')}
## Errors

Every error is \`{ "error": CODE, "message": what to do next, … }\` with the status of its code.

| status | codes |
| --- | --- |
${errors.join('\n')}
`
