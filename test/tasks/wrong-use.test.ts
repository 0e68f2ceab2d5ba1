/** Every task, typed wrongly, or where there is no network: a sentence that says what to type, no stack, the right code. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { parseBoot } from '../../tasks/boot.ts'
import { run } from '../../tasks/command-line.ts'
import { emptyState, printState } from '../../tasks/state.ts'
import { tasks } from '../../tasks/tasks.ts'
import { Terminal } from '../../tasks/terminal.ts'

// Before any module looks where the home is. What is removed is here: where a module says might be the project itself.
const made = await vi.hoisted(async () => {
  const [{ mkdtempSync }, { tmpdir }] = [await import('node:fs'), await import('node:os')]
  return (process.env['POLYCHORD_HOME'] = mkdtempSync(`${tmpdir()}/polychord-home-`))
})
const stateFile = `${made}/network-state.json`
afterAll(() => rmSync(made, { recursive: true }))
afterEach(() => rmSync(stateFile, { force: true }))

const task = async (words: string) => {
  const said = { stdout: '', stderr: '' }
  const terminal = new Terminal({ write: (text) => (said.stdout += text) }, {})
  const complain = (text: string) => {
    said.stderr += text
  }
  const code = await run(words.split(' ').filter(Boolean), { terminal, complain, env: {} })
  return { code, ...said }
}
const stateText = () => (existsSync(stateFile) ? readFileSync(stateFile, 'utf8') : undefined)

const oneSentence = /^polychord: [^\n]+\n$/

test.each([
  ['bot', "unknown task 'bot' (Did you mean boot?); type: npm run task help"],
  ['addmany', "missing required argument 'n'; for instance: npm run task addmany 10"],
  ['addmany ten', 'the number of nodes must be a whole number from 1 to 500, not "ten"'],
  ['addmany -3', 'not "-3"'],
  ['addmany 3 4', "too many arguments for 'addmany'"],
  ['add 99999', 'port must be a whole number from 1 to 65535, not "99999"'],
  ['add 80', 'port 80 is not one for a node'],
  ['help nope', 'there is no task "nope"; type: npm run task help'],
  ['add port=3', 'add has no option port='],
  ['boot --port 3', '--port is a flag; options of boot are words like name=value'],
  ['boot bits=7', 'bits must be a multiple of 4 from 8 to 160, not 7'],
  ['reboot 1 2', 'boot takes one number of nodes: 1 or 2'],
  ['boot overlay=ring', 'overlay is chord or kademlia or pastry, not "ring"'],
  ['boot 3 pastry overlay=chord', 'boot makes one network: pastry and chord are of two overlays'],
  ['boot replicas=0', 'replicas must be >= 1'],
  ['boot replicas=21', 'replicas must be <= 20'],
  ['boot replicas=3 successors=4', 'successors must be at least replicas + 2'],
  ['leave', "missing required argument 'node'; for instance: npm run task leave 10003"],
  ['kill', 'for instance: npm run task kill 10003'],
  ['restart', "missing required argument 'node'; for instance: npm run task restart 10003"],
  ['restart all now', "too many arguments for 'restart'"],
  ['restart 10003 name=x', 'restart has no option name=; it has none'],
  ['killall now', "too many arguments for 'killall'"],
  ['store', 'store needs a value; for instance: npm run task store hello world'],
  ['store hello ttlSeconds=315360001', 'ttlSeconds must be a whole number from 1 to 315360000, not "315360001"'],
  ['store hello value=world', 'store takes one value: "hello", or "world"'],
  ['storemany 0', 'the number of values must be a whole number from 1'],
  ['storemany', "missing required argument 'n'; for instance: npm run task storemany 200"],
  ['storemany 1000001', 'the number of values must be a whole number from 1 to 1000000, not "1000001"'],
  ['storemany 5 seed=x', 'seed must be a whole number'],
  ['lookup', 'lookup takes one of: a value, name=<name>, key=<hex>'],
  ['find hello key=ab', 'find takes one of: a value, name=<name>, key=<hex>'],
  ['tags', "missing required argument 'node'"],
  ['delete', 'delete takes one of'],
  ['call 10001', "missing required argument 'method'"],
  ['call 10001 FETCH /', '"FETCH" is no method; for instance: npm run task call 10001 GET /nodeinfo'],
  ['call 10001 GET nodeinfo', 'a path begins with /'],
  ['call 10001 GET /lookup {"value":"a"}', "GET takes no body: say in the path's query what is meant"],
  ['call 10001 PUT /x {', 'the body is not JSON in single quotes; for instance: npm run task call 10001 POST /store'],
  ['boot name=x', 'boot has no option name=; type: npm run task help boot'],
  ['status now', "too many arguments for 'status'"],
  ['monitor often', 'seconds must be a whole number from 1 to 3600, not "often"'],
  ['check soon', 'seconds must be a whole number from 0 to 86400, not "soon"'],
  ['logs', "missing required argument 'node'"],
  ['simulate nothing', 'there is no scenario "nothing"; npm run task simulate lists them'],
  ['simulate swarm x', 'seed must be a whole number'],
  ['simulate swarm 1 traits=jam,rain', 'traits are some of watch,clocks,expiry,jam,silence, or none, not "rain"'],
])('%s', async (words, message) => {
  const { code, stdout, stderr } = await task(words)
  expect(stderr).toContain(message)
  expect(stderr).toMatch(oneSentence)
  expect({ code, stdout, state: stateText() }).toEqual({ code: 2, stdout: '', state: undefined })
})

test.each([
  ['lookup key=zz', 'key must be 40 lowercase hex digits in this network, not "zz"'],
  ['find key=2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C', 'key must be 40 lowercase hex digits in this network'],
  ['delete key=abc', 'key must be 40 lowercase hex digits in this network, not "abc"'],
  ['lookup hello mode=buckets', 'mode is fingers or linear or onehop in chord, not "buckets"'],
  ['find hello mode=sideways', 'mode is fingers or linear or onehop in chord, not "sideways"'],
  ['add id=a0', 'for ids of your own type: npm run task reboot allowCustomIds=true'],
])('in a network of Chord with 160 bits: %s', async (words, message) => {
  const { nodes, port, options } = parseBoot({ plain: [], options: {} })
  writeFileSync(stateFile, printState({ ...emptyState, network: { id: '7f3a000000000000', nodes, port, options } }))
  const { code, stdout, stderr } = await task(words)
  expect(stderr).toContain(message)
  expect(stderr).toMatch(oneSentence)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
})

test.each([
  'add',
  'addmany 2',
  'leave 10001',
  'kill 10001',
  'restart 10001',
  'restart all',
  'store hello',
  'storemany 3',
  'lookup hello',
  'find hello',
  'delete hello',
  'call 10001 GET /',
  'status',
  'monitor',
  'check',
  'logs 10001',
])('without a network: %s', async (words) => {
  const { code, stdout, stderr } = await task(words)
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: 'polychord: no network is running; type: npm run task boot\n',
  })
})

test('a failure in JSON is JSON', async () => {
  const { code, stdout } = await task('status json')
  expect({ code, ...JSON.parse(stdout) }).toEqual({
    code: 1,
    error: 'FAILED',
    message: 'no network is running; type: npm run task boot',
  })
})

test('killall where nothing runs leaves the empty state', async () => {
  const { code, stdout } = await task('killall')
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'no network was running\nnext: npm run task boot\n' })
  expect(stateText()).toBe('{\n  "version": 2,\n  "network": null,\n  "processes": []\n}\n')
})

describe('help', () => {
  test('lists every task', async () => {
    const { code, stdout } = await task('help')
    expect(code).toBe(0)
    for (const { name } of tasks) expect(stdout).toMatch(new RegExp(`^  ${name}`, 'm'))
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    // To the last nothing was said.
    for (const words of ['', '--help', 'help help']) expect((await task(words)).stdout, words).toBe(stdout)
  })

  test.each(tasks.map(({ name }) => name))('of %s shows its words and examples', async (name) => {
    const { code, stdout } = await task(`help ${name}`)
    expect(code).toBe(0)
    expect(stdout).toContain(`Usage: npm run task ${name}`)
    expect(stdout).toContain(`Examples:\n  npm run task ${name}`)
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  test('answers to --help too, even where words are free text', async () => {
    expect((await task('store --help')).stdout).toContain('Usage: npm run task store')
  })
})

describe('the state file', () => {
  test.each([
    ['', 'is not JSON; restore it'],
    ['{"version":2', 'is not JSON; restore it'],
    ['{"version":99}', 'was written by another version of polychord (state 99, this one reads 2)'],
    ['{"version":2,"network":null,"processes":{}}', 'is not a network state (/processes must be array); restore it'],
  ])('as %j is refused by every task, and left as it is', async (text, message) => {
    writeFileSync(stateFile, text)
    for (const words of ['boot', 'status', 'add', 'killall', 'reboot', 'store hello']) {
      const { code, stderr } = await task(words)
      expect(stderr).toContain(message)
      expect(stderr).toMatch(oneSentence)
      expect(code).toBe(1)
    }
    expect(stateText()).toBe(text)
  })
})
