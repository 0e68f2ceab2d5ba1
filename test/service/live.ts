/** Nodes over HTTP in this process, on free ports of the loopback. */
import { onTestFinished } from 'vitest'
import { MemoryStore } from '../../src/content/memory-store.ts'
import { type NodeConfig, parseConfig } from '../../src/node/config.ts'
import type { Keyring } from '../../src/service/keyring.ts'
import { createLog } from '../../src/service/log.ts'
import { createService, type Service } from '../../src/service/service.ts'
import { freePort } from '../ports.ts'

export const network = '0123456789abcdef'

export interface Live extends Service {
  readonly url: string
  readonly config: NodeConfig
  /** Lines of the log so far. */
  readonly lines: Record<string, unknown>[]
}

/** A node that has joined. Where a proxy stands before it, its settings tell the url of that, and it listens at this port. */
export const startNode = async (
  settings: Partial<NodeConfig> = {},
  seeds: readonly Live[] = [],
  keyring?: Keyring,
  listenAt?: number,
): Promise<Live> => {
  const port = listenAt ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const config = parseConfig({ name: `node-${port}`, url, network, incarnation: Date.now(), ...settings })
  const lines: Record<string, unknown>[] = []
  const log = createLog(config.name, 'debug', { write: (line) => void lines.push(JSON.parse(line)) })
  const service = createService(config, new MemoryStore(), log, () => {}, keyring)
  await service.start(
    '127.0.0.1',
    port,
    seeds.map(({ me }) => me),
  )
  return { ...service, url, config, lines }
}

/** The same; it stops with the test. */
export const startNodeHere = async (...setting: Parameters<typeof startNode>): Promise<Live> => {
  const live = await startNode(...setting)
  onTestFinished(() => live.stop())
  return live
}

/** Asks again and again until it holds. @throws what was seen last, after 10 s */
export const eventually = async <T>(see: () => Promise<T> | T, holds: (seen: T) => boolean): Promise<T> => {
  const deadline = Date.now() + 30_000
  for (;;) {
    const seen = await see()
    if (holds(seen)) return seen
    if (Date.now() > deadline) throw new Error(`after 30 s still ${JSON.stringify(seen)}`)
    await new Promise((resume) => setTimeout(resume, 20))
  }
}

/** How a request ends. Its answer is read to the end: what is left of one would come while another test is in virtual time, which allows none. */
export const statusOf = async (address: string, init: RequestInit = {}): Promise<number> => {
  const response = await fetch(address, init)
  await response.arrayBuffer()
  return response.status
}
