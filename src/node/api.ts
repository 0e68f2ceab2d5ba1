/** What a node answers, as one table of calls: the client's, the peers', and those of its own overlay; and the words in which it tells of itself. */
import { Type } from 'typebox'
import { kindOf, type OverlayApi, type OverlayName } from '../overlay/overlays.ts'
import { type ClientApi, clientApi, NodeInfo } from '../protocol/client-api.ts'
import { type PeerApi, peerApi } from '../protocol/peer-api.ts'

/** All that nodes answer, whatever their overlay. */
export type NodeApi = ClientApi & PeerApi & OverlayApi

/** What nodes with this overlay answer: of the rows that not all have, only those of their own. */
export const nodeApi = (overlay: OverlayName): NodeApi => {
  const { api, attributes } = kindOf(overlay)
  const reply = Type.Object({ ...NodeInfo.properties, ...Type.Partial(Type.Object(attributes)).properties })
  return { ...clientApi, nodeinfo: { ...clientApi.nodeinfo, reply }, ...peerApi, ...api } as unknown as NodeApi
}

/** joining → ready → leaving → left. A node that lost its place is joining again. */
export type NodeState = NodeInfo['state']

/** The release that this is; told in /nodeinfo. */
export const version = '0.1.0'
