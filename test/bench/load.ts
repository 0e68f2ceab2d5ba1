/**
 * A load: `load '{"origin":…,"asking":"store","connections":32,"ms":700,"from":0}'` asks over so many connections, one request
 * at a time on each, and prints `{ requests, seconds, next, p50Ms }`.
 *
 * Raw sockets, and of HTTP only where an answer ends: so it costs a fraction of what any server does. While one request is under
 * way, the next is made.
 */
import { connect } from 'node:net'
import { type Asking, type AskName, askings } from './asks.ts'

export interface Plan {
  readonly origin: string
  readonly asking: AskName
  readonly connections: number
  readonly ms: number
  /** The first number that is asked for; then the next, and so on. */
  readonly from: number
  /** Numbers below this one, again and again; without it every number is new. */
  readonly below?: number
  /** These numbers instead, from the first to the last, again and again. */
  readonly numbers?: readonly number[]
}

/** What a load prints. */
export interface Load {
  readonly requests: number
  readonly seconds: number
  /** The first number that was not asked for. */
  readonly next: number
  readonly p50Ms: number
}

const {
  origin,
  asking,
  connections,
  ms,
  from,
  below = Number.POSITIVE_INFINITY,
  numbers,
} = JSON.parse(process.argv[2] ?? '') as Plan
const { hostname, port, host } = new URL(origin)
const { ask, proof, proofs }: Asking = askings[asking]

let number = from
const makeRequest = (): Buffer => {
  const { method, path, contentType, body = '' } = ask(numbers ? (numbers[number % numbers.length] ?? 0) : number % below)
  number++
  const said = contentType === undefined ? '' : `content-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${said}\r\n${body}`)
}

/** Whether an answer is whole. @throws Error when there is more */
const isWhole = (answer: Buffer): boolean => {
  const head = answer.indexOf('\r\n\r\n')
  if (head < 0) return false
  const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(answer.toString('latin1', 0, head + 2)) ?? []
  // Without a length it comes in chunks; the last is empty.
  if (length === undefined) return answer.toString('latin1', answer.length - 7) === '\r\n0\r\n\r\n'
  const excess = answer.length - (head + 4 + Number(length))
  if (excess > 0) throw new Error(`${origin} answered more than it was asked: ${answer.toString()}`)
  return excess === 0
}

/** @throws Error unless the answer is a good one */
const assertGood = (answer: Buffer): void => {
  let found = 0
  for (let at = answer.indexOf(proof); at >= 0; at = answer.indexOf(proof, at + 1)) found++
  if (found !== proofs || !/^HTTP\/1.1 20[01] /.test(answer.toString('latin1', 0, 13)))
    throw new Error(`${origin} answered ${asking}: ${answer.toString()}`)
}

const times: number[] = []
let ended = 0
const began = performance.now()

const converse = (deadline: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let next = makeRequest()
    let answer: Buffer | undefined
    let sent = 0
    const send = () => {
      sent = performance.now()
      socket.write(next)
      next = makeRequest()
    }
    socket.setNoDelay(true)
    socket.on('connect', send)
    socket.on('data', (chunk) => {
      answer = answer ? Buffer.concat([answer, chunk]) : chunk
      if (!isWhole(answer)) return
      assertGood(answer)
      answer = undefined
      ended = performance.now()
      times.push(ended - sent)
      if (ended < deadline) send()
      else socket.end()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve())
  })

void Promise.all(Array.from({ length: connections }, () => converse(began + ms))).then(() => {
  times.sort((a, b) => a - b)
  const p50Ms = times[Math.floor(times.length / 2)] ?? Number.NaN
  const load: Load = { requests: times.length, seconds: (ended - began) / 1000, next: number, p50Ms }
  process.stdout.write(JSON.stringify(load))
})
