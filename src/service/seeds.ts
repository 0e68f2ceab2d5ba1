/** What the seeds say before there is a node: which network this is, and who they are. */
import { Agent } from 'undici'
import { type NodeConfig, peerOf } from '../node/config.ts'
import { idTaken } from '../overlay/caller.ts'
import { commonOptions, kindOf, type OverlayName, overlays } from '../overlay/overlays.ts'
import { NodeInfo } from '../protocol/client-api.ts'
import { errorStatus, Refusal, Unreachable } from '../protocol/errors.ts'
import { peerApi } from '../protocol/peer-api.ts'
import { limits, type Peer } from '../protocol/schemas.ts'
import { idBits, idOf } from '../space/id.ts'
import { exchange } from './exchange.ts'
import { hash } from './hash.ts'
import type { Keyring } from './keyring.ts'
import { signatureHeader, Signer } from './signature.ts'
import { createValidation } from './validation.ts'

const timeoutMs = 1500

const newAgent = (): Agent => new Agent({ connect: { timeout: timeoutMs }, maxResponseSize: limits.bodyBytes })

/** What a newcomer takes over from the network. */
export type NetworkSettings = Pick<NodeConfig, 'network' | 'bits' | 'overlay' | 'mode' | 'replicas'>

/** Asks all seeds at once, and answers in their order; undefined for who is no node. */
export const askSeeds = async (urls: readonly string[]): Promise<(NodeInfo | undefined)[]> => {
  const agent = newAgent()
  try {
    return await Promise.all(urls.map((url) => askSeed(agent, url)))
  } finally {
    await agent.destroy()
  }
}

/** The network that the first of them belongs to. */
export const settingsOf = ({ network, bits, overlay, mode, replicas, ...shown }: NodeInfo): NetworkSettings => ({
  network,
  bits,
  overlay: overlay as OverlayName,
  mode,
  replicas,
  ...Object.fromEntries(commonTo(overlay).flatMap((name) => (name in shown ? [[name, shown[name]]] : []))),
})

/** A seed may have an overlay that this release does not know. */
const commonTo = (overlay: string): string[] =>
  Object.hasOwn(overlays, overlay) ? commonOptions(kindOf(overlay as OverlayName)) : []

/**
 * Whom to join through. A seed that does not answer now, or is somebody else now, may be itself again later: its id is known, or follows
 * from its url. Of those who were known before, when some answer, only these: to wait for each of many who are gone takes long.
 * @throws Refusal ID_TAKEN when a seed is who this node would be
 */
export const seedPeers = (
  urls: readonly string[],
  answers: readonly (NodeInfo | undefined)[],
  known: readonly Peer[],
  config: NodeConfig,
): Peer[] => {
  const { network, bits } = config
  const me = peerOf(config, hash)
  const ours = answers.map((answer) => (answer?.network === network ? answer : undefined))
  return urls.flatMap((url, index) => {
    if (url === me.url) return []
    const answer = ours[index]
    if (answer?.id === me.id) throw idTaken({ id: me.id, url })
    const former = known.find((peer) => peer.url === url)
    if (former && !answer && ours.some((one) => one !== undefined)) return []
    return [{ id: (answer ?? former)?.id ?? idOf(hash(url), bits), url }]
  })
}

/**
 * The answers of those of the network who take this node for one of theirs, and know its secret, if it has one. Whoever does not is no
 * member, or has missed something: what it says of the network counts no more than if it had not answered.
 * @param answers of `urls`, in their order
 * @throws Refusal UNAUTHORIZED when all refuse it: by itself this node would go on as a ring of its own
 */
export const admitting = async (
  urls: readonly string[],
  answers: readonly (NodeInfo | undefined)[],
  network: string,
  keyring: Keyring | undefined,
): Promise<(NodeInfo | undefined)[]> => {
  const signer = keyring && new Signer(keyring, network, 'newcomer')
  const agent = newAgent()
  try {
    const refusals = await Promise.all(
      answers.map(async (answer, at) => {
        if (answer?.network !== network) return undefined
        return refusalOf(agent, { id: answer.id, url: urls[at] as string }, signer)
      }),
    )
    const admitted = answers.map((answer, at) => (answer?.network === network && !refusals[at] ? answer : undefined))
    const refusal = refusals.find((one) => one !== undefined)
    if (refusal && admitted.every((answer) => answer === undefined)) throw refusal
    return admitted
  } finally {
    await agent.destroy()
  }
}

/** What a seed has against a call that asks for nothing, if it is that this node has no right to ask. */
const refusalOf = async (agent: Agent, { id, url }: Peer, signer: Signer | undefined): Promise<Refusal | undefined> => {
  const { method, path } = peerApi.fetch
  const body = '{"cursors":[]}'
  const call = signer?.sign({ to: id, method, path }, body, Date.now())
  const headers = { 'content-type': 'application/json', ...(call ? { [signatureHeader]: call.header } : {}) }
  const answer = await exchange(agent, { origin: url, method, path, headers, body }, timeoutMs).catch(undefinedIfUnreachable)
  if (answer?.status === errorStatus.UNAUTHORIZED)
    return new Refusal(
      'UNAUTHORIZED',
      `${url} takes this node for a stranger: give it the secret of that network by POLYCHORD_SECRET_FILE or POLYCHORD_SECRET, and set the clocks`,
    )
  if (answer && call && signer?.faultOf(call, answer))
    return new Refusal(
      'UNAUTHORIZED',
      `${url} does not know the secret of this node; where its network has none leave POLYCHORD_SECRET and POLYCHORD_SECRET_FILE out`,
    )
  return undefined
}

const askSeed = async (agent: Agent, url: string): Promise<NodeInfo | undefined> => {
  try {
    const { status, text } = await exchange(agent, { origin: url, method: 'GET', path: '/nodeinfo' }, timeoutMs)
    return status === 200 ? readInfo(text) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    return undefinedIfUnreachable(error)
  }
}

const undefinedIfUnreachable = (error: unknown): undefined => {
  if (!(error instanceof Unreachable)) throw error
}

const readInfo = (text: string): NodeInfo | undefined => {
  const body: unknown = JSON.parse(text)
  const bits = typeof body === 'object' && body !== null && 'bits' in body ? Number(body.bits) : idBits.maximum
  return createValidation(bits).strict(NodeInfo)(body) ? (body as NodeInfo) : undefined
}
