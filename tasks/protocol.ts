/**
 * docs/PROTOCOL.md, printed from the tables of calls: what a client must know that reads no TypeScript.
 *
 * Shapes that many calls share have a section of their own and are named elsewhere; a shape is recognised by its JSON
 * Schema, because the schema builder copies what it wraps.
 */
import { maxHeaderSize } from 'node:http'
import { modesOf, overlayNames, overlays } from '../src/overlay/overlays.ts'
import { clientApi, Counts, Watch } from '../src/protocol/client-api.ts'
import { type ErrorCode, errorStatus } from '../src/protocol/errors.ts'
import { Meta, packetBytes, packets, Update } from '../src/protocol/packets.ts'
import { peerApi, Told } from '../src/protocol/peer-api.ts'
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

const shapes: Record<string, object> = { Peer, Hop, Mode, Index, Version, Record: Stored, Told, Meta, Update, Counts, Watch }
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

const fieldsOf = ({ properties = {}, required = [] }: Shape, told = (_field: Shape) => ''): string[] =>
  Object.entries(properties).map(
    ([name, field]) => `${code(required.includes(name) ? name : `${name}?`)} ${typeOf(field)}${told(field)}`,
  )

/** What is said of a field besides its type, where that has no words of its own. */
const toldOf = (field: Shape): string => {
  const isNamed = field.format !== undefined || nameOf.has(JSON.stringify(field))
  return isNamed || field.description === undefined ? '' : `: ${field.description}`
}

const requestOf = (call: string, row: Row): string[] => {
  const { properties = {}, required = [] } = row.request as Shape
  const isRaw = call === 'storeNamed'
  const travelling = isRaw
    ? { path: row.params, query: ['ttlSeconds'] }
    : { path: row.params, query: row.query, body: row.body }
  const fields = Object.entries(travelling).flatMap(([where, names]) =>
    names.map((name) => {
      const field = properties[name] ?? {}
      return `${where} ${code(required.includes(name) ? name : `${name}?`)} ${typeOf(field)}${toldOf(field)}`
    }),
  )
  return isRaw ? [...fields, 'body: the bytes'] : fields
}

const replyOf = (reply: Shape): string[] => (nameOf.has(JSON.stringify(reply)) ? [typeOf(reply)] : fieldsOf(reply))

const rowOf = ([name, row]: [string, Row]): string => {
  const marks = [...(row.channelled ? [`in channels: ${code(name)}`] : []), ...(row.signed ? ['*signed*'] : [])]
  const cells = [
    [code(`${row.method} ${row.path}`), row.summary, ...marks],
    requestOf(name, row),
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
    ...Object.entries<Row>(api).map(rowOf),
    '',
  ].join('\n')

const shapeOf = ([name, schema]: [string, Shape]): string => {
  const lines = schema.properties ? fieldsOf(schema, toldOf).map((field) => `- ${field}`) : [structureOf(schema)]
  return [`### ${name}`, '', ...lines, ...(schema.description ? ['', `${schema.description}.`] : []), ''].join('\n')
}

const meanings: Readonly<Record<ErrorCode, string>> = {
  BAD_REQUEST: 'the request is not as it should be',
  BAD_ID: 'that is no id of this network, or not the one that belongs to this url',
  BAD_RECORD: 'a record that contradicts itself',
  UNAUTHORIZED: 'the signature is missing, or wrong',
  FOREIGN_ORIGIN: 'a web page of somebody else asks: nodes answer their own',
  FOREIGN_HOST: 'asked by a name that is neither an address, nor `localhost`, nor of the node’s url',
  NOT_FOUND: 'nothing is stored there',
  NOT_HELD: 'this node does not hold it; `/lookup` asks those who do',
  NO_SUCH_ENDPOINT: 'nobody answers at that path',
  METHOD_NOT_ALLOWED: 'the path is there, but not for this method',
  ID_TAKEN: 'another node has this id',
  KEY_FULL: 'too many values share this key',
  LAST_NODE: 'nobody is there to leave the content to',
  OTHER_NETWORK: 'the node that lives here belongs to another network',
  STILL_OWNED: 'a node does not forget what it holds, or has not passed on yet',
  TOO_LARGE: 'more than a request, or a value, may have',
  UNSUPPORTED_MEDIA: 'a body of a kind that this call does not take',
  WRONG_NODE: 'another node lives here',
  STAMP_AHEAD: 'a clock is wrong by minutes: the writer’s, or this node’s',
  INTERNAL: 'a defect of the node; its log says more',
  NOT_JOINED: 'the node has no place in the network yet, or is leaving it',
  NO_ROUTE: 'nobody who can be reached knows the owner',
  INCONCLUSIVE: 'too few of those who should hold the key can say; ask again',
  NOT_ENOUGH_COPIES: 'not acknowledged; what was written of it (`stored`) is kept and spread: to store it again is safe',
  OVERLOADED: 'the node is there, and behind with its work',
  STORE_FULL: 'no room is left, on the disk or of the quota',
}

const errors = Object.entries(errorStatus)
  .map(([name, status]) => ({ status, line: `| ${status} | ${code(name)} | ${meanings[name as ErrorCode]} |` }))
  .sort((a, b) => a.status - b.status)
  .map(({ line }) => line)

/** The whole page. */
export const protocolPage = (): string =>
  `<!-- Printed from the tables of calls by \`npm run protocol\`; do not edit. -->
# Protocol

Every node answers these calls over HTTP. Bodies and replies are JSON unless the call says otherwise. A request is one flat
set of fields: the path template says which of them travel in the path; the others travel in the query (GET, DELETE) or as
a JSON object in the body (PUT, POST). A field with \`?\` may be left out; a field that is not listed is refused.

- \`id\`: a point of the identifier space, bits / 4 lowercase hex digits, as wide as the network's ids.
- \`origin\`: a canonical http(s) origin such as \`http://127.0.0.1:10001\`.
- A value is at most ${limits.valueBytes} bytes, a name at most ${limits.nameBytes} bytes of UTF-8; address and headers of a request are ${maxHeaderSize / 1024} KiB at most
  together, whatever a value in a query may have. Under one key there are ${limits.valuesPerKey} values at most, those deleted of late counted: with few bits they share keys.
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
- \`GET /lookup…\` with \`raw\` answers the bytes, with an \`ETag\`; with an \`If-None-Match\` that still holds it is 304. Nothing is written on a condition, nor a part
  of a value: with \`If-Match\` and the like, or \`Content-Range\`, a write is \`BAD_REQUEST\`. A GET may be a HEAD. A 503 says \`Retry-After: 1\`.
- A \`Host\` that is neither an address, nor \`localhost\`, nor the name in the node's url is \`FOREIGN_HOST\`, an \`Origin\` other than the node's own
  \`FOREIGN_ORIGIN\`: web pages can send requests to nodes on the machine of whoever looks at them.
- Besides the tables there are \`GET /\` (what to type, as text), \`GET /metrics\` (for Prometheus; calls in channels have the method \`CHANNEL\`),
  \`GET /openapi.json\`, and \`GET /docs\`, a page over that.
- Between nodes, calls that are marked *in channels* travel in channels, by the name given there. \`GET ${channel.path}\` with \`Connection: Upgrade\` and
  \`Upgrade: ${channel.protocol}\` is answered 101, and the connection is one of frames from there on: four bytes for the length of what follows (big-endian), and JSON,
  \`[[NUMBER, NAME, { … }], …]\` with all the fields of each request, and in the other direction \`[[NUMBER, STATUS, reply or error], …]\`, in
  whatever order they are ready. NUMBER is the caller's, an integer. What is no such frame is answered with NUMBER \`null\`, and the connection closed. Where the network
  has a secret there are before the JSON the first ${keyIdDigits / 2} bytes that KEY is, and the first ${tagBytes} bytes of HMAC-SHA-256, keyed with the secret, over
  \`polychord frame\`, the TAG of the request that has opened the channel, \`asks\` or \`answers\`, the number of the frame in its direction, from 0, and the
  JSON, with line feeds between. Whoever is answered anything but 101 makes the calls alone.

${[
  tableOf('Client calls', 'What people say to the network; any node answers for all of it.', clientApi),
  tableOf('Peer calls', 'What peers say to each other, whatever the overlay.', peerApi),
  ...overlayNames.map((name) => {
    const { api, attributes } = overlays[name]
    const shown = fieldsOf({ properties: attributes as Record<string, Shape> }).join(', ')
    const ways = modesOf(name)
      .map((mode) => code(mode))
      .join(', ')
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

Every error is \`{ "error": CODE, "message": what is wrong, or what to do next, … }\` with the status of its code. What else there is depends on the code: what was found out on
the way (\`key\`, \`index\`, \`hops\`, \`path\`, \`stored\`, \`wanted\`), what the node has (of \`NOT_HELD\`, as of \`GET /get/:key\`), who has the id (\`by\`), what is wrong with a signature (\`reason\`).

| status | code | says |
| --- | --- | --- |
${errors.join('\n')}
`
