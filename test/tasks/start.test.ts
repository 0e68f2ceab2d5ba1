/** What every node and task begins with. */
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** Prints whether what is kept has the shape of what Node makes for a tick. */
const compare = `
  const { tick } = require('./tasks/start.cjs')
  const made = []
  require('node:async_hooks').createHook({ init: (id, type, trigger, what) => type === 'TickObject' && made.push(what) }).enable()
  process.nextTick(() => process.stdout.write(String(made.length > 0 && %HaveSameMap(tick, made[0]))))`

test('an object of the shape of a tick is kept, so that V8 does not forget it', () => {
  const said = execFileSync(process.execPath, ['--allow-natives-syntax', '-e', compare], { encoding: 'utf8' })
  // A later Node may make them otherwise: then what is kept is of no use, and does no harm.
  if (process.version.startsWith('v20.')) expect(said).toBe('true')
  else expect(said).toMatch(/^(true|false)$/)
})
