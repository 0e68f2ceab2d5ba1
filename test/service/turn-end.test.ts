import { expect, onTestFinished, test } from 'vitest'
import { parseConfig } from '../../src/node/config.ts'
import { createLog } from '../../src/service/log.ts'
import { Metrics } from '../../src/service/metrics.ts'
import { createServer, type Served } from '../../src/service/server.ts'
import { TurnEnd } from '../../src/service/turn-end.ts'
import { createValidation } from '../../src/service/validation.ts'
import { network } from './live.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what comes in one turn leaves at its end, in order, and what comes meanwhile in the next', async () => {
  const turnEnd = new TurnEnd()
  const left: string[] = []
  turnEnd.add(() => {
    left.push('first')
    turnEnd.add(() => left.push('of the next'))
  })
  turnEnd.add(() => left.push('second'))
  await Promise.resolve()
  expect(left).toEqual([])
  await turn()
  expect(left).toEqual(['first', 'second'])
  await turn()
  expect(left).toEqual(['first', 'second', 'of the next'])
})

test('an answer that cannot be written is an error, and those beside it are what they are', async () => {
  const id = 'a'.repeat(40)
  const config = parseConfig({ name: 'defective', url: 'http://127.0.0.1:1', network, incarnation: 0 })
  const lookupBy = ({ value }: { value: string }) =>
    Promise.resolve({
      values: [
        { index: `v:${id}`, value, contentType: 'text/plain', version: { hlc: value === 'bad' ? 'a\nb' : 'a', origin: id } },
      ],
      hops: 0,
    })
  const served = {
    me: { id, url: config.url },
    config,
    handlers: { lookupBy },
    info: () => ({ version: '0' }),
  } as unknown as Served
  const lines: string[] = []
  const log = createLog('defective', 'info', { write: (line) => void lines.push(line) })
  const app = createServer(served, { log, metrics: new Metrics(), validation: createValidation(160) })
  onTestFinished(() => app.close())
  await app.ready()
  const asked = ['good', 'bad', 'fine'].map((value) => app.inject({ url: `/lookup?raw&value=${value}` }))
  const answers = await Promise.all(asked)
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 500, 200])
  expect([answers[0]?.body, answers[2]?.body]).toEqual(['good', 'fine'])
  expect(lines.join()).toContain('request failed')
})
