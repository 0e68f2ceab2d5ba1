/** A network of its own for a test: a temporary POLYCHORD_HOME, and tasks typed into it as a person does. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Entry, NetworkState } from '../../tasks/state.ts'

/** From the root, where tests and benches run. */
const script = resolve('tasks/task.mjs')

export interface End {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export class Home {
  readonly path = mkdtempSync(join(tmpdir(), 'polychord-home-'))
  readonly stateFile = join(this.path, 'network-state.json')

  /** Types `npm run -s task <words>`; `given` may end it early. @param env see `dying` */
  task(words: string, given: (child: ChildProcess) => void = () => {}, env: NodeJS.ProcessEnv = {}): Promise<End> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [script, ...words.split(' ').filter(Boolean)], {
        env: { ...process.env, NO_COLOR: '', POLYCHORD_HOME: this.path, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const said = { stdout: '', stderr: '' }
      child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
      child.on('error', reject).on('close', (code) => resolve({ code, ...said }))
      given(child)
    })
  }

  /** What a task prints. @throws Error with all that it said, unless it ends well */
  async said(words: string): Promise<string> {
    const { code, stdout, stderr } = await this.task(words)
    if (code !== 0) throw new Error(`${words} ended with ${code}:\n${stderr}${stdout}`)
    return stdout
  }

  /** The JSON that it prints. @throws Error as said */
  async json<T>(words: string): Promise<T> {
    return JSON.parse(await this.said(`${words} json`)) as T
  }

  get state(): NetworkState {
    return JSON.parse(readFileSync(this.stateFile, 'utf8')) as NetworkState
  }

  get stateText(): string | undefined {
    return existsSync(this.stateFile) ? readFileSync(this.stateFile, 'utf8') : undefined
  }

  write(state: string | NetworkState): void {
    writeFileSync(this.stateFile, typeof state === 'string' ? state : JSON.stringify(state))
  }

  /** The same as `remove`, for when the process ends. */
  removeNow(): void {
    spawnSync(process.execPath, [script, 'killall'], { env: { ...process.env, POLYCHORD_HOME: this.path }, stdio: 'ignore' })
    rmSync(this.path, { recursive: true, force: true })
  }

  /** Ends the network, whatever a test left of it. */
  async remove(): Promise<void> {
    await this.task('killall')
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** With this in its environment a task ends, by that signal, at the moment at which it has recorded a node in that state, with its process. */
export const dying = (state: Entry['state'], signal: 'SIGKILL' | 'SIGINT' = 'SIGKILL'): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: `--require ${resolve('test/tasks/dying.cjs')}`,
  DIES_AT: state,
  DIES_BY: signal,
})

/** Options of a network in which what is awaited comes soon. */
export const quick = 'stabilizeEveryMs=100 refreshFingersEveryMs=200 rehomeEveryMs=500'

/** What `status` prints as JSON. */
export interface Status {
  network: { id: string; bits: number; mode: string }
  ring: { whole: boolean; faults: string[] }
  copies: { values: number; there: number; wanted: number }
  nodes: (Entry & { condition: string; info?: { state: string; content: { owned: number } } })[]
}

/** What was seen once it holds; looked for again and again, for 20 s. */
export const until = async <T>(what: string, look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> => {
  const deadline = performance.now() + 20_000
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen
    if (performance.now() > deadline) throw new Error(`${what}, but was seen: ${JSON.stringify(seen)}`)
    await sleep(100)
  }
}
