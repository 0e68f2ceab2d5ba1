/** A network of real nodes, booted by the tasks in a home of its own. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseState } from '../../tasks/state.ts'
import { remember } from './ending.ts'
import { clean, freePort, run } from './process.ts'

const cli = 'dist/task.cjs'

export interface Ring {
  /** The id of the network. */
  readonly network: string
  /** At least one. */
  readonly nodes: readonly { readonly url: string; readonly pid: number }[]
  /** Temporary, and gone with the ring. */
  readonly home: string
}

/**
 * Boots so many nodes, then adds so many; the ring is whole when it is used, and ended after it.
 * @throws Error with what the task said
 */
export const withRing = async <T>(boot: number, add: number, use: (ring: Ring) => Promise<T>): Promise<T> => {
  const home = mkdtempSync(join(tmpdir(), 'polychord-bench-'))
  const env = { POLYCHORD_HOME: home }
  const end = remember(() => {
    const { status, stderr } = spawnSync(process.execPath, [cli, 'killall'], { env: clean(env) })
    if (status === 0) rmSync(home, { recursive: true, force: true })
    else process.stderr.write(`${String(stderr)}nodes may be left; to end them: POLYCHORD_HOME=${home} npm run task killall\n`)
  })
  try {
    await run(cli, ['boot', String(boot), `port=${await freePort()}`], env)
    if (add > 0) await run(cli, ['addmany', String(add)], env)
    return await use({ home, ...readRing(home) })
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

/** @returns the key */
export const storeValue = async (origin: string, value: string): Promise<string> => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${origin}/store`, { method: 'POST', headers, body: JSON.stringify({ value }) })
  const reply = (await response.json()) as { key: string }
  if (!response.ok) throw new Error(`${origin} did not store a value: ${JSON.stringify(reply)}`)
  return reply.key
}
