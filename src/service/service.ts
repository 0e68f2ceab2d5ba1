/** A node with its world: sockets, time and chance of this machine. */
import { randomInt } from 'node:crypto'
import type { Logger } from 'pino'
import { nodeApi } from '../node/api.ts'
import { type NodeConfig, peerOf } from '../node/config.ts'
import { Node } from '../node/node.ts'
import type { Store } from '../ports.ts'
import type { Peer } from '../protocol/schemas.ts'
import { HttpNetwork } from './client.ts'
import { ServiceClock } from './clock.ts'
import { hasCode } from './code.ts'
import { UdpDatagrams } from './datagrams.ts'
import { Gate } from './gate.ts'
import { hash } from './hash.ts'
import type { Keyring } from './keyring.ts'
import { Metrics } from './metrics.ts'
import { PacketCodec } from './packet.ts'
import { type Recollection, recollectionOf } from './recollection.ts'
import { settingsOf } from './seeds.ts'
import { createServer } from './server.ts'
import { Signer } from './signature.ts'
import { createValidation } from './validation.ts'

export interface Service {
  readonly me: Peer
  /** What is to be known of the network in the next life. */
  recollect(): Recollection
  /** Listens, joins through the seeds, and resolves once joined. @throws whatever Node.start and listening throw */
  start(host: string, port: number, seeds: readonly Peer[]): Promise<void>
  /** Tells the neighbours, finishes requests, ends everything. */
  stop(): Promise<void>
}

/**
 * @param store the caller's, to be closed once this has stopped
 * @param left called once, when a leave that was asked for is over: this is to be stopped then
 * @param keyring where the network has a secret
 */
export const createService = (config: NodeConfig, store: Store, log: Logger, left: () => void, keyring?: Keyring): Service => {
  const { network: networkId, incarnation, bits } = config
  const { id: me } = peerOf(config, hash)
  const metrics = new Metrics()
  const validation = createValidation(bits)
  const clock = new ServiceClock(log)
  const signer = keyring && new Signer(keyring, networkId, me)
  const gate = keyring && new Gate({ me, network: networkId, keyring, refused: metrics.unauthorized })
  const network = new HttpNetwork(nodeApi(config.overlay), { ...config, validation, signer, observe: metrics.called })
  const datagrams = new UdpDatagrams({
    codec: new PacketCodec({ me, network: networkId, incarnation, keyring, validation, now: Date.now }),
    log,
    hear: (packet, from) => node.hear(packet, from),
    observe: metrics.packets,
  })
  const ports = {
    network,
    datagrams,
    clock,
    random: { below: (limit: number) => randomInt(limit) },
    store,
    log: metrics.counting(log),
    hash,
  }
  const node = new Node(config, ports, left)
  const settings = settingsOf(node.info())
  const server = createServer(node, { log, metrics, validation, gate })
  return {
    me: node.me,
    recollect: () => recollectionOf(node, settings),
    start: async (host, port, seeds) => {
      try {
        await server.listen({ host, port })
        if (config.membership !== 'off') await datagrams.bind(host, port)
      } catch (error) {
        if (!hasCode(error, 'EADDRINUSE')) throw error
        const what = error.syscall === 'bind' ? ' for UDP' : ''
        const message = `another program has port ${port} of ${host}${what}: end that, or take another port: POLYCHORD_PORT=${port + 1}`
        throw Object.assign(new Error(message, { cause: error }), { code: error.code, syscall: error.syscall })
      }
      log.info({ id: node.me.id, url: node.me.url, network: config.network }, 'node listens')
      await node.start(seeds)
    },
    stop: async () => {
      await node.stop()
      await server.close()
      datagrams.close()
      clock.stop()
      await network.close()
    },
  }
}
