/**
 * A network of real processes under fire: clients write and read all the time while nodes are killed, started again, added and
 * made to leave. What was acknowledged is written down, and read back through every node in the end.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { type Entry } from '../../tasks/state.ts'
import { isAlive } from '../../tasks/processes.ts'
import { remember } from '../bench/ending.ts'
import { Home } from '../tasks/home.ts'

export interface ChaosOptions {
  readonly nodes: number
  readonly seconds: number
  readonly firstPort: number
  /** Of the order of deeds; when each of them happens depends on the machine. */
  readonly seed: number
  /** Gets a line for each deed. */
  readonly tell?: (line: string) => void
}

export interface ChaosReport {
  readonly deeds: Readonly<Record<Deed, number>>
  readonly acknowledged: number
  /** Writes that were answered with an error, by its code: they may have happened or not. */
  readonly refused: Readonly<Record<string, number>>
  /** Reads of acknowledged values while deeds were done. */
  readonly reads: number
  /** Such reads that nobody could answer at that moment (503). */
  readonly unavailable: number
  /** Such reads that were told that there is nothing, and older values under a name than were acknowledged before. */
  readonly wrong: readonly string[]
  /** What was not there in the end, through which node. */
  readonly lost: readonly string[]
  /** What `check` says of the network in the end. */
  readonly check: string
}

const deeds = ['kill', 'restart', 'add', 'leave'] as const
type Deed = (typeof deeds)[number]

/** Nodes that are dead at the same time, at the most: what three copies are made for. */
const deadMost = 2
/** Between two writes of one client. */
const writeEveryMs = 10
const clients = 4
/** For the network to be whole, and each node up to date, after the last deed. */
const healSeconds = 60
/** For a node that is behind with its work to answer, when everything is read back. */
const readBackMs = 10_000

export const chaos = async (options: ChaosOptions): Promise<ChaosReport> => {
  const home = new Home()
  const end = remember(() => home.removeNow())
  try {
    return await new Chaos(home, options).run()
  } finally {
    end()
  }
}

class Chaos {
  readonly #home: Home
  readonly #options: ChaosOptions
  readonly #pools = new Map<string, Pool>()
  readonly #done: Record<Deed, number> = { kill: 0, restart: 0, add: 0, leave: 0 }
  readonly #acknowledged: string[] = []
  /** By name: the number of the last write that was acknowledged. */
  readonly #named = new Map<string, number>()
  readonly #refused: Record<string, number> = {}
  readonly #wrong: string[] = []
  #reads = 0
  #unavailable = 0
  #over = false
  #state: number

  constructor(home: Home, options: ChaosOptions) {
    this.#home = home
    this.#options = options
    this.#state = options.seed
  }

  async run(): Promise<ChaosReport> {
    const { nodes, firstPort, seconds } = this.#options
    await this.#task(`boot ${nodes} port=${firstPort}`)
    const began = performance.now()
    const work = Array.from({ length: clients }, (_, client) => this.#write(client))
    work.push(this.#read())
    try {
      while (performance.now() - began < seconds * 1000) {
        await this.#deed()
        await sleep(this.#below(1500))
      }
    } finally {
      this.#over = true
      await Promise.all(work)
    }
    if (this.#dead().length > 0) await this.#task('restart all')
    const { stdout, stderr } = await this.#home.task(`check ${healSeconds}`)
    const lost = await this.#readBack()
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()))
    return {
      deeds: this.#done,
      acknowledged: this.#acknowledged.length + this.#named.size,
      refused: this.#refused,
      reads: this.#reads,
      unavailable: this.#unavailable,
      wrong: this.#wrong,
      lost,
      check: stdout + stderr,
    }
  }

  async #deed(): Promise<void> {
    const dead = this.#dead()
    const running = this.#running()
    const allowed = deeds.filter(
      (deed) =>
        (deed === 'kill' && dead.length < deadMost && running.length > 4) ||
        (deed === 'restart' && dead.length > 0) ||
        (deed === 'leave' && dead.length === 0 && running.length > 4) ||
        (deed === 'add' && running.length < this.#options.nodes + 2),
    )
    const deed = this.#pick(allowed)
    const victim = this.#pick(deed === 'restart' ? dead : running.map(({ name }) => name))
    this.#options.tell?.(deed === 'add' ? 'add' : `${deed} ${victim}`)
    await this.#task(deed === 'add' ? 'add' : `${deed} ${victim}`)
    this.#done[deed]++
  }

  /** One client: values by content and, one after the other, numbers under a name of its own. */
  async #write(client: number): Promise<void> {
    for (let number = 1; !this.#over; number++) {
      const name = number % 4 === 0 ? `counter ${client}` : undefined
      const value = `value ${number} of client ${client}`
      const body = name === undefined ? { value } : { value: String(number), name }
      const { status, error } = await this.#ask('POST', '/store', JSON.stringify(body))
      if (status !== 201) this.#refused[error] = (this.#refused[error] ?? 0) + 1
      else if (name === undefined) this.#acknowledged.push(value)
      else this.#named.set(name, number)
      await sleep(writeEveryMs)
    }
  }

  /** Reads what has been acknowledged, all the time. */
  async #read(): Promise<void> {
    while (!this.#over) {
      await sleep(writeEveryMs)
      const names = [...this.#named.keys()]
      const fault =
        names.length > 0 && this.#below(4) === 0
          ? await this.#faultOfName(this.#pick(names))
          : this.#acknowledged.length > 0
            ? await this.#faultOfValue(this.#pick(this.#acknowledged))
            : undefined
      if (fault !== undefined) this.#wrong.push(fault)
    }
  }

  async #readBack(): Promise<string[]> {
    const lost: string[] = []
    for (const { url } of this.#home.state.processes) {
      const queue = [...this.#acknowledged]
      const reader = async () => {
        for (let value = queue.pop(); value !== undefined; value = queue.pop()) {
          const fault = await this.#faultOfValue(value, url)
          if (fault !== undefined) lost.push(fault)
        }
      }
      await Promise.all(Array.from({ length: 8 }, reader))
      for (const name of this.#named.keys()) {
        const fault = await this.#faultOfName(name, url)
        if (fault !== undefined) lost.push(fault)
      }
    }
    return lost
  }

  async #faultOfValue(value: string, url?: string): Promise<string | undefined> {
    const { status, error } = await this.#readOf(`/lookup?value=${encodeURIComponent(value)}`, url)
    return status === 404 || (url !== undefined && status !== 200) ? `${value}: ${error} ${url ?? ''}` : undefined
  }

  async #faultOfName(name: string, url?: string): Promise<string | undefined> {
    const least = this.#named.get(name) ?? 0
    const { status, error, body } = await this.#readOf(`/lookup?name=${encodeURIComponent(name)}`, url)
    if (status !== 200) return status === 404 || url !== undefined ? `${name}: ${error} ${url ?? ''}` : undefined
    const { values } = body as { values: { value: string }[] }
    const seen = Number(values[0]?.value)
    return seen < least ? `${name}: ${seen}, after ${least} was acknowledged ${url ?? ''}` : undefined
  }

  /** A read that is made again as long as a node says that it may be: what is there in the end is there then. */
  async #readOf(path: string, url: string | undefined): Promise<Answer> {
    for (const deadline = performance.now() + readBackMs; ; await sleep(250)) {
      const answer = await this.#ask('GET', path, undefined, url)
      this.#reads++
      if (answer.status !== 503) return answer
      this.#unavailable++
      if (url === undefined || performance.now() > deadline) return answer
    }
  }

  /** One request, through a node at random; status 0 when that one has just died. */
  async #ask(method: 'GET' | 'POST', path: string, body?: string, url = this.#anyone()): Promise<Answer> {
    let pool = this.#pools.get(url)
    if (!pool) {
      pool = new Pool(url, { connections: 8 })
      this.#pools.set(url, pool)
    }
    try {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const reply = await pool.request({ method, path, headers, ...(body === undefined ? {} : { body }) })
      const said = (await reply.body.json()) as { error?: string }
      return { status: reply.statusCode, error: said.error ?? '', body: said }
    } catch (error) {
      return { status: 0, error: (error as NodeJS.ErrnoException).code ?? String(error), body: undefined }
    }
  }

  #anyone(): string {
    return this.#pick(this.#running().map(({ url }) => url))
  }

  #running(): readonly Entry[] {
    return this.#home.state.processes.filter(({ state, pid }) => state === 'running' && pid !== null && isAlive(pid))
  }

  #dead(): string[] {
    return this.#home.state.processes.filter(({ pid }) => pid === null || !isAlive(pid)).map(({ name }) => name)
  }

  async #task(words: string): Promise<void> {
    const { code, stdout, stderr } = await this.#home.task(words)
    if (code !== 0) throw new Error(`${words} failed: ${stderr}${stdout}`)
  }

  #pick<T>(some: readonly T[]): T {
    return some[this.#below(some.length)] as T
  }

  /** xorshift32. */
  #below(limit: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % Math.max(1, limit)
  }
}

interface Answer {
  readonly status: number
  readonly error: string
  readonly body: unknown
}
