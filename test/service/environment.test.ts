/** POLYCHORD_ variables: what they set, and what is told to whoever misspells one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { configOf, Misconfigured, readEnvironment } from '../../src/service/environment.ts'
import { keyIdOf } from '../../src/service/keyring.ts'
import { variableOf } from '../../src/service/text.ts'

const network = '0123456789abcdef'
const configFrom = (env: Record<string, string>) => configOf(readEnvironment(env), { network })

test('without any, a node listens on 10001 of the loopback', () => {
  const environment = readEnvironment({ PATH: '/bin' })
  expect(environment).toMatchObject({ host: '127.0.0.1', port: 10_001, seeds: undefined, data: undefined, log: undefined })
  expect(environment.logLevel).toBe('info')
  expect(configOf(environment, { network })).toMatchObject({ name: 'node-10001', url: 'http://127.0.0.1:10001', bits: 160 })
})

test('an empty list of seeds names none', () => expect(readEnvironment({ POLYCHORD_SEEDS: '' }).seeds).toEqual([]))

test('every field of a config has its variable', () => {
  const config = configFrom({
    POLYCHORD_PORT: '10007',
    POLYCHORD_NAME: 'ada',
    POLYCHORD_BITS: '8',
    POLYCHORD_ALLOW_CUSTOM_IDS: 'true',
    POLYCHORD_ID: '7f',
    POLYCHORD_STABILIZE_EVERY_MS: '250',
    POLYCHORD_OWNERSHIP: 'predecessor',
    POLYCHORD_INCARNATION: '5',
    POLYCHORD_HOME: '/elsewhere',
  })
  expect(config).toMatchObject({
    name: 'ada',
    url: 'http://127.0.0.1:10007',
    bits: 8,
    id: '7f',
    allowCustomIds: true,
    stabilizeEveryMs: 250,
    ownership: 'predecessor',
    incarnation: 5,
  })
})

test('a field has one variable, prefix and all, for whoever reads it and whoever sets it', () =>
  expect(['bits', 'stabilizeEveryMs'].map(variableOf)).toEqual(['POLYCHORD_BITS', 'POLYCHORD_STABILIZE_EVERY_MS']))

test('what is said goes before what the network says', () =>
  expect(configOf(readEnvironment({ POLYCHORD_MODE: 'linear' }), { network, mode: 'fingers', bits: 32 })).toMatchObject({
    mode: 'linear',
    bits: 32,
  }))

describe('a secret', () => {
  const secret = 'a-secret-of-a-network'

  test('lets a node listen where others reach it', () => {
    const url = 'http://192.168.1.5:10001'
    const open = { POLYCHORD_HOST: '0.0.0.0', POLYCHORD_URL: url, POLYCHORD_SECRET: secret }
    expect(configFrom(open)).toMatchObject({ url })
    expect(configFrom({ ...open, POLYCHORD_HOST: '192.168.1.5' })).toMatchObject({ url })
    expect(readEnvironment(open)).toMatchObject({ host: '0.0.0.0', secretFile: undefined })
    expect(readEnvironment(open).keyring?.keyId).toBe(keyIdOf(secret))
  })

  test('may be a line of a file, which may change', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'polychord-')), 'secret')
    onTestFinished(() => rmSync(dirname(file), { recursive: true }))
    writeFileSync(file, `${secret}\n`)
    const { keyring, secretFile } = readEnvironment({ POLYCHORD_SECRET_FILE: file })
    expect([keyring?.keyId, secretFile]).toEqual([keyIdOf(secret), file])
  })

  test('is no part of the config, nor of what is printed of the environment', () => {
    const env = { POLYCHORD_SECRET: secret }
    expect(inspect(readEnvironment(env), { depth: 9 }) + JSON.stringify([readEnvironment(env), configFrom(env)])).not.toContain(
      secret,
    )
  })
})

describe('a value that cannot be is refused in one sentence', () => {
  test.each<[Record<string, string>, RegExp]>([
    [{ POLYCHORD_PROT: '1' }, /^POLYCHORD_PROT means nothing here; there are: .*PORT/],
    [{ POLYCHORD_PORT: '0' }, /^POLYCHORD_PORT must be 1 to 65535/],
    [{ POLYCHORD_PORT: '65536' }, /^POLYCHORD_PORT must be 1 to 65535/],
    [{ POLYCHORD_PORT: '0x10' }, /^POLYCHORD_PORT must be a whole number/],
    [{ POLYCHORD_PORT: '' }, /^POLYCHORD_PORT is empty/],
    [{ POLYCHORD_HOST: '0.0.0.0' }, /^POLYCHORD_HOST=0\.0\.0\.0 would let others in/],
    [{ POLYCHORD_HOST: '192.168.1.5' }, /would let others in/],
    [{ POLYCHORD_HOST: '127.evil.example' }, /would let others in/],
    [{ POLYCHORD_HOST: '::', POLYCHORD_SECRET: 'a-secret-of-a-network' }, /every address .* POLYCHORD_URL=http/],
    [{ POLYCHORD_SECRET: 'hunter2' }, /^POLYCHORD_SECRET holds a secret that is too short/],
    [{ POLYCHORD_SECRET: '' }, /^POLYCHORD_SECRET holds no secret; make one/],
    [
      { POLYCHORD_SECRET_FILE: '/nowhere' },
      /^POLYCHORD_SECRET_FILE=\/nowhere cannot be read \(ENOENT.*name the file of the network's other nodes/,
    ],
    [{ POLYCHORD_SECRET_FILE: '/x', POLYCHORD_SECRET: 'y' }, /are both set: leave one out/],
    [{ POLYCHORD_SEEDS: 'localhost:10001' }, /^POLYCHORD_SEEDS must be urls like/],
    [{ POLYCHORD_SEEDS: 'http://127.0.0.1:10001,' }, /^POLYCHORD_SEEDS must be urls like/],
    [{ POLYCHORD_DATA: '' }, /^POLYCHORD_DATA is empty: name a directory/],
    [{ POLYCHORD_LOG_LEVEL: 'loud' }, /^POLYCHORD_LOG_LEVEL must be one of/],
    [{ POLYCHORD_HOST: '' }, /^POLYCHORD_HOST is empty/],
    [{ POLYCHORD_BITS: 'many' }, /^POLYCHORD_BITS must be a whole number/],
    [{ POLYCHORD_BITS: '9' }, /^POLYCHORD_BITS must be a multiple of 4/],
    [{ POLYCHORD_ALLOW_CUSTOM_IDS: 'yes' }, /^POLYCHORD_ALLOW_CUSTOM_IDS must be true or false/],
    [{ POLYCHORD_ID: '7f' }, /^POLYCHORD_ID needs POLYCHORD_ALLOW_CUSTOM_IDS: without it an id is the hash of the url$/],
    [{ POLYCHORD_URL: 'http://127.0.0.1:10001/path' }, /^POLYCHORD_URL must be an origin/],
    [{ POLYCHORD_NETWORK: 'mine' }, /^POLYCHORD_NETWORK /],
    [{ POLYCHORD_OVERLAY: 'star' }, /^POLYCHORD_OVERLAY /],
    [{ POLYCHORD_SUCCESSORS: '2' }, /^POLYCHORD_SUCCESSORS must be at least POLYCHORD_REPLICAS \+ 2$/],
    [{ POLYCHORD_K: '8' }, /^POLYCHORD_K is no option of chord$/],
    [{ POLYCHORD_OVERLAY: 'pastry', POLYCHORD_SUCCESSORS: '5' }, /^POLYCHORD_SUCCESSORS is no option of pastry$/],
    [{ POLYCHORD_CALL_TIMEOUT_MS: '1' }, /^POLYCHORD_CALL_TIMEOUT_MS /],
  ])('%j', (env, message) => {
    expect(() => configFrom(env)).toThrow(Misconfigured)
    expect(() => configFrom(env)).toThrow(message)
  })
})
