/**
 * Who may speak to this node: any web page that someone has open can send requests to localhost, and a peer may hold an
 * address that another node has by now.
 */
import type { FastifyRequest } from 'fastify'
import { isIP } from 'node:net'
import { Refusal } from '../protocol/errors.ts'
import type { Peer } from '../protocol/schemas.ts'

/** Headers of a call between peers: the network it belongs to, and whom it is for. */
export const peerHeaders = { network: 'polychord-network', to: 'polychord-to' } as const

/** Answers what is wrong with the headers of a request, before its body is read. */
export const createGuard = (me: Peer, network: string): ((request: FastifyRequest) => Refusal | undefined) => {
  const advertised = new URL(me.url)
  return ({ headers, raw }) => {
    const { host, origin } = headers
    if (host === undefined && raw.httpVersion !== '1.0')
      return new Refusal('BAD_REQUEST', `a request says which host it is for: Host: ${advertised.host}`)
    if (host !== undefined && host !== advertised.host && !isLocalName(host, advertised.hostname))
      return new Refusal('FOREIGN_HOST', `this node is not ${JSON.stringify(host)}; it answers at ${me.url}`)
    if (origin !== undefined && origin !== me.url && origin !== `${advertised.protocol}//${host}`)
      return new Refusal(
        'FOREIGN_ORIGIN',
        `pages of ${JSON.stringify(origin)} may not call this node; use curl, or ${me.url}/docs`,
      )
    const calledNetwork = headers[peerHeaders.network]
    if (calledNetwork !== undefined && calledNetwork !== network)
      return new Refusal('OTHER_NETWORK', `this node belongs to network ${network}`, { network })
    const called = headers[peerHeaders.to]
    if (called !== undefined && called !== me.id) return new Refusal('WRONG_NODE', `this node is ${me.id}`, { id: me.id })
    return undefined
  }
}

/** An address, localhost, or the name that the node advertises, at any port: what no page elsewhere can have as its name. */
const isLocalName = (host: string, advertised: string): boolean => {
  const name = host.replace(/:\d*$/, '').toLowerCase()
  return name === 'localhost' || name === advertised || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
}

/** Whether only this machine can reach what listens there. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
