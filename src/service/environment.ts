/**
 * What the environment says of one node: POLYCHORD_PORT, _HOST, _SEEDS, _DATA, _LOG, _LOG_LEVEL, _SECRET, _SECRET_FILE, and one variable
 * for every field of NodeConfig (POLYCHORD_STABILIZE_EVERY_MS=500). Read once, strictly: what is misspelt would otherwise be
 * missed in silence.
 */
import { readFileSync } from 'node:fs'
import { assertOptionsOf, BadOption, type NodeConfig, parseConfig } from '../node/config.ts'
import { isOrigin } from '../protocol/schemas.ts'
import { isLoopback } from './guard.ts'
import { Keyring } from './keyring.ts'
import { type LogLevel, logLevels } from './log.ts'
import { numberIn, variableOf } from './text.ts'

/** The user must change the environment; the message is the sentence that says how. */
export class Misconfigured extends Error {}

export interface Environment {
  readonly host: string
  readonly port: number
  /** Undefined when nothing was said of them; none is a word too: to found a network, whomever this node has known. */
  readonly seeds: readonly string[] | undefined
  /** The directory that content is kept in; in memory without. */
  readonly data: string | undefined
  /** A file; stdout without. */
  readonly log: string | undefined
  readonly logLevel: LogLevel
  /** Where the network has a secret. No field of NodeConfig: whoever reads a config, a log or /nodeinfo shall not find it. */
  readonly keyring: Keyring | undefined
  /** Where the secrets are in a file, which may change. */
  readonly secretFile: string | undefined
  /** What was said of the node itself; the rest has defaults, or comes from the seeds. */
  readonly said: Partial<NodeConfig>
}

const own = ['home', 'port', 'host', 'seeds', 'data', 'log', 'logLevel', 'secret', 'secretFile'].map(variableOf)

/** A config in which every field that has a value by default has one: what kind of value each field takes. */
const example: NodeConfig = parseConfig({ name: 'x', url: 'http://127.0.0.1', network: '0'.repeat(16), incarnation: 0 })
const fields = new Map(Object.entries({ ...example, id: '' }).map(([name, value]) => [variableOf(name), { name, value }]))

/** @throws Misconfigured */
export const readEnvironment = (env: NodeJS.ProcessEnv): Environment => {
  const variables = Object.entries(env).flatMap(([name, text]) =>
    name.startsWith('POLYCHORD_') && text !== undefined ? [[name, text] as const] : [],
  )
  const said: Record<string, unknown> = {}
  for (const [name, text] of variables) {
    if (own.includes(name)) continue
    const field = fields.get(name)
    if (!field) throw new Misconfigured(`${name} means nothing here; there are: ${[...own, ...fields.keys()].join(', ')}`)
    said[field.name] = parse(name, text, field.value)
  }
  const values = new Map(variables)
  const port = Number(parse('POLYCHORD_PORT', values.get('POLYCHORD_PORT') ?? '10001', 0))
  if (port < 1 || port > 65_535) throw new Misconfigured(`POLYCHORD_PORT must be 1 to 65535, not ${port}`)
  const host = values.get('POLYCHORD_HOST') ?? '127.0.0.1'
  if (host === '') throw new Misconfigured('POLYCHORD_HOST is empty: say something or leave it out')
  const secret = values.get('POLYCHORD_SECRET')
  const secretFile = values.get('POLYCHORD_SECRET_FILE')
  const keyring = keyringOf(secret, secretFile)
  if (!isLoopback(host) && !keyring)
    throw new Misconfigured(
      `POLYCHORD_HOST=${host} would let others in: use 127.0.0.1, or give all nodes one secret by POLYCHORD_SECRET_FILE, made with: openssl rand -hex 32`,
    )
  if (isAnyAddress(host) && said['url'] === undefined)
    throw new Misconfigured(
      `POLYCHORD_HOST=${host} is every address of this machine: say where others reach it, POLYCHORD_URL=http://192.168.1.5:${port}`,
    )
  const logLevel = values.get('POLYCHORD_LOG_LEVEL') ?? 'info'
  if (!isLogLevel(logLevel)) throw new Misconfigured(`POLYCHORD_LOG_LEVEL must be one of: ${logLevels.join(', ')}`)
  const data = values.get('POLYCHORD_DATA')
  if (data === '')
    throw new Misconfigured('POLYCHORD_DATA is empty: name a directory, or leave it out to keep content in memory')
  const seeds = parseSeeds(values.get('POLYCHORD_SEEDS'))
  return {
    host,
    port,
    seeds,
    data,
    log: values.get('POLYCHORD_LOG'),
    logLevel,
    keyring,
    secretFile,
    said,
  }
}

/** @throws Misconfigured */
const keyringOf = (secret: string | undefined, file: string | undefined): Keyring | undefined => {
  if (secret === undefined && file === undefined) return undefined
  if (secret !== undefined && file !== undefined)
    throw new Misconfigured('POLYCHORD_SECRET and POLYCHORD_SECRET_FILE are both set: leave one out')
  try {
    return new Keyring(() => secret ?? readFileSync(String(file), 'utf8'))
  } catch (error) {
    const what = file === undefined ? 'POLYCHORD_SECRET' : `POLYCHORD_SECRET_FILE=${file}`
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === undefined
        ? message
        : `cannot be read (${message}): name the file of the network's other nodes; a new secret: openssl rand -hex 32`
    throw new Misconfigured(`${what} ${why}`, { cause: error })
  }
}

/**
 * The config of a node, of what was said and what the network it joins says.
 * @throws Misconfigured
 */
export const configOf = (
  { host, port, said }: Environment,
  network: Pick<NodeConfig, 'network'> & Partial<NodeConfig>,
): NodeConfig => {
  const url = `http://${host.includes(':') ? `[${host}]` : host}${port === 80 ? '' : `:${port}`}`
  try {
    const settings = { name: `node-${port}`, url, incarnation: Date.now(), ...network, ...said }
    assertOptionsOf(settings.overlay, said)
    return parseConfig(settings)
  } catch (error) {
    if (!(error instanceof BadOption)) throw error
    // It begins with the name of a field, and may speak of others.
    const message = error.message.replaceAll(/^\w+|\breplicas\b|\b[a-z]+[A-Z]\w*/g, (word) =>
      fields.has(variableOf(word)) ? variableOf(word) : word,
    )
    throw new Misconfigured(message, { cause: error })
  }
}

const parse = (name: string, text: string, like: unknown): string | number | boolean => {
  if (text === '') throw new Misconfigured(`${name} is empty: say something or leave it out`)
  if (typeof like === 'number') {
    const number = numberIn(text)
    if (number === undefined) throw new Misconfigured(`${name} must be a whole number, not ${text}`)
    return number
  }
  if (typeof like === 'boolean') {
    if (text !== 'true' && text !== 'false') throw new Misconfigured(`${name} must be true or false, not ${text}`)
    return text === 'true'
  }
  return text
}

const parseSeeds = (text: string | undefined): string[] | undefined => {
  const urls = text === '' ? [] : text?.split(',')
  const wrong = urls?.find((url) => !isOrigin(url))
  if (wrong !== undefined)
    throw new Misconfigured(`POLYCHORD_SEEDS must be urls like http://127.0.0.1:10001, with commas between, not ${wrong}`)
  return urls
}

const isAnyAddress = (host: string): boolean => host === '0.0.0.0' || host === '::'

const isLogLevel = (text: string): text is LogLevel => (logLevels as readonly string[]).includes(text)
