/** A network of real nodes, booted by the tasks in a home of its own. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeInfo } from '../../src/protocol/client-api.ts'
import { parseState } from '../../tasks/state.ts'
import { remember } from './ending.ts'
import { clean, freePort, run } from './process.ts'

const cli = 'dist/task.cjs'
const settledWithinMs = 30_000

export interface Ring {
  /** The id of the network. */
  readonly network: string
  /** At least one. */
  readonly nodes: readonly { readonly url: string; readonly pid: number }[]
  /** Temporary, and gone with the ring. */
  readonly home: string
  /** Of a node that was added later. */
  pidOf(url: string): number
}

/**
 * Boots so many nodes, then adds so many; the ring is whole when it is used, and ended after it.
 * @param options of the network, as `boot` takes them: `mode=fingers`
 * @throws Error with what the task said
 */
export const withRing = async <T>(
  boot: number,
  add: number,
  use: (ring: Ring) => Promise<T>,
  ...options: readonly string[]
): Promise<T> => {
  const home = mkdtempSync(join(tmpdir(), 'polychord-bench-'))
  const env = { POLYCHORD_HOME: home }
  const end = remember(() => {
    const { status, stderr } = spawnSync(process.execPath, [cli, 'killall'], { env: clean(env) })
    if (status === 0) rmSync(home, { recursive: true, force: true })
    else process.stderr.write(`${String(stderr)}nodes may be left; to end them: POLYCHORD_HOME=${home} npm run task killall\n`)
  })
  try {
    await run(cli, ['boot', String(boot), `port=${await freePort()}`, ...options], env)
    if (add > 0) await run(cli, ['addmany', String(add)], env)
    const pidOf = (url: string) => readRing(home).nodes.find((node) => node.url === url)?.pid ?? NaN
    return await use({ home, ...readRing(home), pidOf })
  } finally {
    end()
  }
}

const readRing = (home: string): Pick<Ring, 'network' | 'nodes'> => {
  const file = join(home, 'network-state.json')
  const { network, processes } = parseState(readFileSync(file, 'utf8'), file)
  const nodes = processes.flatMap(({ url, pid }) => (pid === null ? [] : [{ url, pid }]))
  if (network === null || nodes.length < processes.length)
    throw new Error(`${file} does not tell of the network that was booted`)
  return { network: network.id, nodes }
}

/** Adds a node to a ring; resolves once it has joined, which is before it has its content. */
export const addNode = async ({ home }: Pick<Ring, 'home'>, port: number): Promise<void> => {
  await run(cli, ['add', String(port)], { POLYCHORD_HOME: home })
}

export const infoOf = async (origin: string): Promise<NodeInfo> =>
  (await (await fetch(`${origin}/nodeinfo`)).json()) as NodeInfo

/** Resolves once every node has all that it should hold. @throws Error when that takes too long */
export const settled = async (nodes: Ring['nodes']): Promise<void> => {
  for (const until = performance.now() + settledWithinMs; performance.now() < until; await sleep(100)) {
    const infos = await Promise.all(nodes.map(({ url }) => infoOf(url)))
    if (infos.every(({ state, content }) => state === 'ready' && content.complete && content.misplaced === 0)) return
  }
  throw new Error(`after ${settledWithinMs / 1000} s not every node has what it should hold`)
}

export const storeValue = async (origin: string, value: string): Promise<void> => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${origin}/store`, { method: 'POST', headers, body: JSON.stringify({ value }) })
  if (!response.ok) throw new Error(`${origin} did not store a value: ${await response.text()}`)
}
