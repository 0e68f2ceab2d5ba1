/**
 * The table of calls: a row is name → method, path, request, reply. From the tables derive the handlers that a node must
 * have, the HTTP routes, the client, the simulator's network, the OpenAPI document and docs/PROTOCOL.md.
 *
 * A request is one flat object. The path template says which of its fields travel in the path; the rest travels in the
 * query (GET, DELETE) or as a JSON body (PUT, POST). Handlers and callers see the flat object only.
 */
import type { Static, TObject, TSchema } from 'typebox'
import { exact, type Peer } from './schemas.ts'

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'
type Fields = Record<string, TSchema>
type InPath<P extends string> = P extends `${string}:${infer N}/${infer R}`
  ? N | InPath<`/${R}`>
  : P extends `${string}:${infer N}`
    ? N
    : never

export interface Row<Q extends Fields = Fields, A extends TSchema = TSchema> {
  readonly method: Method
  readonly path: string
  /** One line for people: what it does. */
  readonly summary: string
  readonly request: TObject<Q>
  readonly reply: A
  readonly status: number
  /** Names of the request's fields by where they travel. */
  readonly params: readonly string[]
  readonly query: readonly string[]
  readonly body: readonly string[]
  /** Whether calls of this row travel in a channel. */
  readonly channelled: boolean
  /** Whether only those may call it who know the network's secret, where it has one. */
  readonly signed: boolean
}

/** One row. A path parameter that the request does not declare is a compile error. */
export const row = <const P extends string, Q extends Fields, A extends TSchema>(
  method: Method,
  path: P,
  summary: string,
  request: Q & { [N in InPath<P>]: TSchema },
  reply: A,
  status = 200,
): Row<Q, A> => {
  const names = Object.keys(request)
  const params = names.filter((name) => path.split('/').includes(`:${name}`))
  const rest = names.filter((name) => !params.includes(name))
  const inQuery = method === 'GET' || method === 'DELETE'
  return {
    method,
    path,
    summary,
    request: exact(request as Q),
    reply,
    status,
    params,
    query: inQuery ? rest : [],
    body: inQuery ? [] : rest,
    channelled: false,
    signed: false,
  }
}

/** A row whose calls are many and small: what is large would keep others waiting that come after it in the channel. */
export const channelled = <R extends Row>(row: R): R => ({ ...row, channelled: true })

/** A row that is none of a stranger's business: it changes what peers believe or hold, lets one take part, or tells a lot. */
export const signed = <R extends Row>(row: R): R => ({ ...row, signed: true })

/**
 * How such calls travel: `GET /channel` with `Upgrade: polychord/1` turns its connection into one of frames, which have four bytes for
 * the length of what follows, and JSON: `[[number, name, request], …]` from who has opened it, and from the other
 * `[[number, status, reply or error], …]`, of each as soon as it is there.
 */
export const channel = { path: '/channel', protocol: 'polychord/1' } as const

export type Table = Record<string, Row>
export type Request<R extends Row> = Static<R['request']>
export type Reply<R extends Row> = Static<R['reply']>

/** What a node must be able to answer: one function a row. */
export type Handlers<T extends Table> = {
  [N in keyof T]: (request: Request<T[N]>) => Promise<Reply<T[N]>> | Reply<T[N]>
}

/** How a node asks another one. */
export interface Network<T extends Table> {
  /**
   * Resolves with the peer's reply.
   * @throws Unreachable within the configured `callTimeoutMs` when that peer, in this network, does not answer there; the
   *   call may have had its effect all the same.
   * @throws Refusal the catalogued error that the peer answered
   */
  call<N extends keyof T & string>(peer: Peer, name: N, request: Request<T[N]>): Promise<Reply<T[N]>>
}
