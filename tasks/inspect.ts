/** `call` and `logs`: one node, at close quarters. */
import { inHome } from './home.ts'
import { jsonIn } from '../src/protocol/utf8.ts'
import { jsonBody, send } from './client.ts'
import { WrongUse } from './failure.ts'
import { openNetwork } from './live.ts'
import { findMember, findOurs, label, nodeWord } from './naming.ts'
import { logTail } from './logs.ts'
import { harmless } from './render/text.ts'
import { signatureFor } from './secret.ts'
import { next, type Task, typed } from './task.ts'

const methods = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH']
const examples = ['call 10001 GET /nodeinfo', `call 10001 POST /store '{"value":"hello"}'`] as const
/** Lines of a log that are shown. */
const tailLines = 20

export const call: Task = {
  name: 'call',
  summary: 'one request to one node, signed where the network has a secret, and what it answers',
  args: {
    '<node>': nodeWord,
    '<method>': methods.join(', '),
    '<path>': 'with its query: /lookup?value=hello',
    '[json...]': 'the body',
  },
  options: {},
  text: true,
  examples,
  run: async ({ plain: [node = '', word = '', path = '', ...rest], json: isJson }, terminal) => {
    const method = word.toUpperCase()
    const body = rest.length > 0 ? rest.join(' ') : undefined
    if (!methods.includes(method))
      throw new WrongUse(`${JSON.stringify(word)} is no method; for instance: ${typed(examples[0])}`)
    if (!/^\/[\x21\x22\x24-\x7e]*$/.test(path))
      throw new WrongUse(`a path begins with / and is URL-encoded; for instance: ${typed(examples[0])}`)
    if (body !== undefined && jsonIn(body) === undefined)
      throw new WrongUse(`the body is not JSON in single quotes; for instance: ${typed(examples[1])}`)
    if (body !== undefined && ['GET', 'HEAD', 'DELETE'].includes(method))
      throw new WrongUse(`${method} takes no body: say in the path's query what is meant; for instance: ${typed(examples[0])}`)
    const booted = await openNetwork()
    const to = await findMember(booted, node)
    if (!isJson) terminal.progress(`${label(to)} is asked`)
    const given = body === undefined ? undefined : jsonBody(body)
    const reply = await send(to.url, method, path, given, undefined, signatureFor(booted.network, to))
    const answer = jsonIn(reply.text)
    return {
      lines: [
        `${reply.status} ${reply.contentType}`,
        answer === undefined ? reply.text.trimEnd() : JSON.stringify(answer, null, 2),
      ].map(harmless),
      data: { status: reply.status, contentType: reply.contentType, body: answer ?? reply.text },
      failed: reply.status >= 400,
    }
  },
}

export const logs: Task = {
  name: 'logs',
  summary: 'where the log of a node is, and its end',
  args: { '<node>': nodeWord },
  options: {},
  text: false,
  examples: ['logs 10001'],
  run: async ({ plain: [word = ''] }) => {
    const entry = await findOurs(await openNetwork(), word)
    const file = inHome(entry.logFile)
    const tail = logTail(file, tailLines)
    return { lines: [...(tail.length > 0 ? tail : ['nothing logged']), file, next('status')], data: { file, tail } }
  },
}
