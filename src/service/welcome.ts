/** `GET /`: what this node is, and what to type next. */
import { kindOf, type OverlayName } from '../overlay/overlays.ts'
import type { NodeInfo } from '../protocol/client-api.ts'
import type { Row } from '../protocol/rpc.ts'

/** As text for a terminal. */
export const welcome = (info: NodeInfo): string => {
  const { name, url, id, overlay, bits, network, state, content } = info
  const ask = `curl ${url}`
  const { api, modes } = kindOf(overlay as OverlayName)
  const told = Object.values<Row>(api).filter(({ method, path }) => method === 'GET' && !path.includes(':'))
  return `${name}: a node of the ${overlay} network ${network} (${bits} bits), ${state}
id ${id}, ${content.owned} ${content.owned === 1 ? 'record' : 'records'} owned

Store, look up, delete:
  ${ask}/store -d value=hello
  ${ask}/store -d name=greeting -d value=hello
  ${ask}/store -H 'content-type: application/json' -d '{"value":"hello","ttlSeconds":3600}'
  ${ask}/store -H 'content-type: application/x-ndjson' --data-binary @values.ndjson
  curl -T cat.png ${url}/store/
  curl '${url}/lookup?value=hello'
  curl '${url}/lookup?name=cat.png&raw' -o cat.png
  curl -X DELETE '${url}/delete?value=hello'

See who owns a key, and the way there:
  curl '${url}/find?value=hello'
  curl '${url}/find?value=hello&mode=${modes.at(-1)}'
  ${ask}/find/${id}

See this node:
  ${ask}/nodeinfo
${told.map(({ path }) => `  ${ask}${path}\n`).join('')}  ${ask}/members
  ${ask}/db
  curl '${url}/get?value=hello'
  ${ask}/healthz
  ${ask}/readyz
  ${ask}/metrics
  ${ask}/openapi.json        (as a page: ${url}/docs)

Let it hand over its content and go:
  curl -X POST ${url}/leave        (where the network has a secret: npm run task leave ${name})
`
}
