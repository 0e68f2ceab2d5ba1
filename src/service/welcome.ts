/** `GET /`: what this node is, and what to type next. */
import type { NodeInfo } from '../protocol/client-api.ts'
import { shortId } from '../space/id.ts'

/** As text for a terminal. */
export const welcome = ({ name, url, id, overlay, bits, network, state, content, successor }: NodeInfo): string => {
  const ask = `curl ${url}`
  return `${name}: a node of the ${overlay} network ${network} (${bits} bits), ${state}
id ${id}, ${content.owned} records owned${successor && successor.id !== id ? `, successor ${shortId(successor.id)} at ${successor.url}` : ''}

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
  curl '${url}/find?value=hello&mode=linear'
  ${ask}/find/${id}

See this node:
  ${ask}/nodeinfo
  ${ask}/predecessor
  ${ask}/successor
  ${ask}/members
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
