/** OpenDHT: as many nodes as polychord has, on this machine, asked through the REST proxy of one of them, where it is installed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { askings } from './asks.ts'
import { remember } from './ending.ts'
import { clean, freePort } from './process.ts'

/** Nodes look for each other for a while. */
const readyWithinMs = 60_000
/** Puts and gets that are under way at the same time. */
const most = 8

/**
 * A network of so many nodes that have stored the values below a number, ended afterwards.
 * @throws Error when it does not have them all in time
 */
export const withOpenDht = async <T>(
  program: string,
  { nodes, values }: { nodes: number; values: number },
  use: (origin: string) => Promise<T>,
): Promise<T> => {
  const started: ChildProcess[] = []
  const end = remember(() => {
    for (const child of started) child.kill('SIGKILL')
  })
  try {
    const proxy = await freePort()
    let first: number | undefined
    for (let count = 0; count < nodes; count++) {
      const port = await freePort()
      const words = ['-s', '-n', '4242', '-p', String(port), '--no-rate-limit']
      if (first === undefined) words.push('--proxyserver', String(proxy))
      else words.push('-b', `127.0.0.1:${first}`)
      first ??= port
      started.push(spawn(program, words, { env: clean({}), stdio: 'ignore' }))
    }
    const origin = `http://127.0.0.1:${proxy}`
    await fill(origin, values)
    return await use(origin)
  } finally {
    end()
  }
}

/** Stores each value again and again until it is found. */
const fill = async (origin: string, values: number): Promise<void> => {
  const until = performance.now() + readyWithinMs
  let next = 0
  const work = async () => {
    for (let number = next++; number < values; number = next++)
      while (!(await isStored(origin, number))) {
        if (performance.now() > until) throw new Error(`${origin} does not find value ${number} that it was given`)
        await sleep(200)
      }
  }
  await Promise.all(Array.from({ length: most }, work))
}

const isStored = async (origin: string, number: number): Promise<boolean> => {
  try {
    const { dhtPut, dhtGet } = askings
    const { path, method, body = '' } = dhtPut.ask(number)
    await (await fetch(`${origin}${path}`, { method, body })).text()
    return (await (await fetch(`${origin}${dhtGet.ask(number).path}`)).text()).includes(dhtGet.proof)
  } catch {
    // It does not listen yet.
    return false
  }
}
