/**
 * A load: `load <url> <connections> <ms>` asks for one url over so many connections, one request at a time on each, and
 * prints `{ requests, seconds }`.
 *
 * Raw sockets, and no parser of HTTP: every answer to the same request has the same length, which the first one tells.
 * So it costs a fraction of what any server does.
 */
import { connect } from 'node:net'

const [url = '', connections = '', ms = ''] = process.argv.slice(2)
const { hostname, port, host, pathname, search } = new URL(url)
const request = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n\r\n`, 'latin1')

/** Head and body. @throws Error unless it is an answer with 200 */
const lengthOf = (answer: Buffer): number => {
  const text = answer.toString('latin1')
  const head = text.indexOf('\r\n\r\n')
  const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(text.slice(0, head + 2)) ?? []
  if (!text.startsWith('HTTP/1.1 200 ') || length === undefined) throw new Error(`${url} answered ${text}`)
  return head + 4 + Number(length)
}

let requests = 0
let ended = 0
const began = performance.now()

const converse = (deadline: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let length = 0
    let got = 0
    socket.setNoDelay(true)
    socket.on('connect', () => socket.write(request))
    socket.on('data', (chunk) => {
      length ||= lengthOf(chunk)
      got += chunk.length
      if (got < length) return
      if (got > length) throw new Error(`${url} answers now longer, now shorter`)
      got = 0
      requests++
      ended = performance.now()
      if (ended < deadline) socket.write(request)
      else socket.end()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve())
  })

void Promise.all(Array.from({ length: Number(connections) }, () => converse(began + Number(ms)))).then(() =>
  process.stdout.write(JSON.stringify({ requests, seconds: (ended - began) / 1000 })),
)
