/** A node with its world: sockets, time and chance of this machine. */
import { randomInt } from 'node:crypto'
import type { Logger } from 'pino'
import type { NodeConfig } from '../node/config.ts'
import { Node, nodeApi } from '../node/node.ts'
import type { Store } from '../ports.ts'
import type { Peer } from '../protocol/schemas.ts'
import { HttpNetwork } from './client.ts'
import { ServiceClock } from './clock.ts'
import { hash } from './hash.ts'
import { Metrics } from './metrics.ts'
import { createServer } from './server.ts'
import { createValidation } from './validation.ts'

export interface Service {
  readonly me: Peer
  /** Listens, joins through the seeds, and resolves once joined. @throws whatever Node.start and listening throw */
  start(host: string, port: number, seeds: readonly Peer[]): Promise<void>
  /** Tells the neighbours, finishes requests, ends everything. */
  stop(): Promise<void>
}

/**
 * @param store the caller's, to be closed once this has stopped
 * @param left called once, when a leave that was asked for is over: this is to be stopped then
 */
export const createService = (config: NodeConfig, store: Store, log: Logger, left: () => void): Service => {
  const metrics = new Metrics()
  const validation = createValidation(config.bits)
  const clock = new ServiceClock(log)
  const network = new HttpNetwork(nodeApi, { ...config, validation, observe: metrics.called })
  const ports = {
    network,
    clock,
    random: { below: (limit: number) => randomInt(limit) },
    store,
    log: metrics.counting(log),
    hash,
  }
  const node = new Node(config, ports, left)
  const server = createServer(node, { log, metrics, validation })
  return {
    me: node.me,
    start: async (host, port, seeds) => {
      await server.listen({ host, port })
      log.info({ id: node.me.id, url: node.me.url, network: config.network }, 'node listens')
      await node.start(seeds)
    },
    stop: async () => {
      await node.stop()
      await server.close()
      clock.stop()
      await network.close()
    },
  }
}
