/** `boot` and `reboot`: founding a network. */
import { randomBytes } from 'node:crypto'
import { assertOptionsOf, BadOption, type NodeConfig, parseConfig, presets } from '../src/node/config.ts'
import { kindOf, overlayNames } from '../src/overlay/overlays.ts'
import { TaskFailure, WrongUse } from './failure.ts'
import { waitUntilWhole } from './faults.ts'
import { assertRoom, grow } from './grow.ts'
import { launch } from './launch.ts'
import { isAbandoned, isLiving, survey } from './live.ts'
import { assertNoData, endNetwork, removeFolders } from './killall.ts'
import { plural } from './render/text.ts'
import { newSecret, removeSecrets, writeSecrets } from './secret.ts'
import {
  assertOptions,
  type BootedNetwork,
  type Change,
  changeState,
  emptyState,
  type NetworkState,
  readState,
} from './state.ts'
import { endedWithTable } from './status.ts'
import { type Task, typed } from './task.ts'
import type { Terminal } from './terminal.ts'
import { portNumber, wholeNumber, type Words } from './words.ts'

const defaults = { nodes: 2, port: 10001 }
export const mostNodes = 500

/** Options that every node of a network shares. */
const networkOptions = {
  bits: 'width of ids, a multiple of 4 from 8 to 160 (160)',
  replicas: 'copies of every record, 1 to 20 (3)',
  mode: `how lookups travel: onehop, or ${overlayNames.map((name) => `in ${name} ${kindOf(name).modes.join(' or ')}`).join(', ')} (onehop)`,
  stabilizeEveryMs: 'between two rounds of maintenance (1000)',
  reuniteEveryMs: 'between two looks for a part split off (10000)',
  foundAfterMs: 'how long a node that finds nobody tries (5000)',
  callTimeoutMs: 'patience with a peer (1500)',
  operationTimeoutMs: 'patience of one operation (10000)',
  rehomeEveryMs: 'between two comparisons with those who hold the same (15000)',
  quotaBytes: 'what a node keeps at most (4 GiB)',
  allowCustomIds: 'whether add takes id= (false)',
  membership: 'how who is alive is watched: local, lan, wan or off; what these set can be set alone, too (local)',
  probeEveryMs: 'between two probes (500)',
  probeTimeoutMs: 'patience with a probe (200)',
  indirectProbes: 'who are asked to probe a silent one as well (3)',
  suspicionMult: 'patience with a suspect, × log10 N probes, at least 1 (4)',
  suspicionMaxMult: 'and as long as nobody confirms it, × (6)',
  healthMax: 'how much slower a slow node probes, × (8)',
  retransmitMult: 'how often news is sent, × log10 N (4)',
  gossipEveryMs: 'between two rounds of gossip (100)',
  gossipNodes: 'whom a round goes to (3)',
  gossipToDeadMs: 'how long the dead are told so (15000)',
  syncEveryMs: 'between two exchanges of all members (15000)',
  reconnectEveryMs: 'between two tries to reach someone dead (5000)',
  tombstoneMs: 'how long the dead are remembered (86400000)',
} as const satisfies Partial<Record<keyof NodeConfig, string>>

/** Those of an overlay alone: `{ successors: 'chord: length of the successor list (5)' }`. */
const overlayOptions = Object.fromEntries(
  overlayNames.flatMap((name) =>
    Object.entries(kindOf(name).options).map(([option, schema]) => {
      const { description, default: usual } = schema as { description?: string; default?: unknown }
      return [option, `${name}: ${description} (${String(usual)})`]
    }),
  ),
)

const bootOptions = {
  ...networkOptions,
  ...overlayOptions,
  overlay: 'the same as its word alone',
  port: `the first port to try (${defaults.port})`,
  secret: 'on: nodes share a secret; leave, tags, and what peers are to keep or believe need it (off)',
}

/** What a word sets; one that contradicts another is of no use. */
const meanings: Readonly<Record<string, Settings>> = {
  ...Object.fromEntries(overlayNames.map((overlay) => [overlay, { overlay }])),
  ...presets,
}

/** Options that the words of boot do not set but that a network has. */
const fixedOptions = ['overlay'] as const

/**
 * `5 lab bits=16 port=20001` → what to found.
 * @throws WrongUse
 */
export const parseBoot = ({ plain, options }: Pick<Words, 'plain' | 'options'>): Omit<BootedNetwork, 'id'> => {
  let nodes: number | undefined
  // All nodes of the CLI live on one machine.
  let settings: Settings = { membership: 'local' }
  const { port = String(defaults.port), secret = 'off', overlay: named, ...rest } = options
  if (named !== undefined && !overlayNames.some((name) => name === named))
    throw new WrongUse(`overlay is ${overlayNames.join(' or ')}, not ${JSON.stringify(named)}`)
  for (const word of named === undefined ? plain : [...plain, named]) {
    const set = Object.hasOwn(meanings, word) ? meanings[word] : undefined
    const overlay = set?.overlay ?? settings['overlay']
    if (set && (settings['overlay'] ?? overlay) === overlay) settings = { ...settings, ...set }
    else if (nodes === undefined && /^-?\d/.test(word)) nodes = wholeNumber('the number of nodes', word, 1, mostNodes)
    else if (set) throw new WrongUse(`boot makes one network: ${settings['overlay']} and ${word} are of two overlays`)
    else if (/^\d+$/.test(word)) throw new WrongUse(`boot takes one number of nodes: ${nodes} or ${word}`)
    else
      throw new WrongUse(
        `boot cannot use ${JSON.stringify(word)}; it takes a number of nodes, an overlay (${overlayNames.join(', ')}), ` +
          `a preset (${Object.keys(presets).join(', ')}) and name=value options`,
      )
  }
  if (secret !== 'on' && secret !== 'off')
    throw new WrongUse(`secret is on or off, not ${JSON.stringify(secret)}: boot makes one by itself`)
  const plan = {
    port: portNumber(port),
    nodes: nodes ?? defaults.nodes,
    ...(secret === 'on' ? { secret: true } : {}),
    options: parseOptions({ ...settings, ...typedLikeDefaults(rest) }),
  }
  assertRoom(plan.nodes, plan.options)
  return plan
}

/**
 * As the network before was, or as told; from the port that it began at in either case.
 * @throws WrongUse; TaskFailure where no node would take the options of the network before
 */
export const parseReboot = (
  { plain, options }: Pick<Words, 'plain' | 'options'>,
  before: BootedNetwork | null,
): Omit<BootedNetwork, 'id'> => {
  if (before === null) return parseBoot({ plain, options })
  const { id: _, ...plan } = before
  const asTold = plain.length > 0 || Object.keys(options).length > 0
  if (asTold) return parseBoot({ plain, options: { port: String(plan.port), ...options } })
  assertOptions(before)
  return plan
}

type Settings = Readonly<Record<string, string | number | boolean>>

const parse = (settings: Partial<NodeConfig>): NodeConfig => {
  try {
    assertOptionsOf(settings.overlay, settings)
    return parseConfig({ name: 'node', url: 'http://127.0.0.1:1', network: '0'.repeat(16), incarnation: 0, ...settings })
  } catch (error) {
    if (!(error instanceof BadOption)) throw error
    throw new WrongUse(`${error.message}; type: ${typed('help boot')}`, { cause: error })
  }
}

/** @throws WrongUse */
const parseOptions = (settings: Settings): BootedNetwork['options'] => {
  const config = parse(settings)
  const names = [
    ...fixedOptions,
    ...Object.keys({ ...networkOptions, ...kindOf(config.overlay).options }),
  ] as (keyof NodeConfig)[]
  return Object.fromEntries(names.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]])))
}

/** Text becomes what the option's default is: a number, a boolean, a text. @throws WrongUse */
const typedLikeDefaults = (options: Readonly<Record<string, string>>): Record<string, string | number | boolean> => {
  const usual: Readonly<Record<string, unknown>> = parse({})
  return Object.fromEntries(
    Object.entries(options).map(([name, text]) => {
      const like = typeof usual[name]
      if (like === 'number') return [name, wholeNumber(name, text, 0, Number.MAX_SAFE_INTEGER)]
      if (like !== 'boolean') return [name, text]
      if (text !== 'true' && text !== 'false') throw new WrongUse(`${name} is true or false, not ${JSON.stringify(text)}`)
      return [name, text === 'true']
    }),
  )
}

/** @throws TaskFailure when a network is there already */
const found = async (plan: Omit<BootedNetwork, 'id'>, terminal: Terminal, quiet: boolean) => {
  const network: BootedNetwork = { id: randomBytes(8).toString('hex'), ...plan }
  const founding = async ({ state, save }: Change) => {
    if (state.network === null) await assertNoData()
    else {
      await assertNothingRuns({ ...state, network: state.network })
      await removeFolders()
    }
    if (plan.secret) await writeSecrets([newSecret()])
    const founded: NetworkState = { ...emptyState, network }
    await save(founded)
    return founded
  }
  try {
    const first = await launch({ network, seeds: [] }, founding)
    if (!quiet) terminal.progress(`1 of ${plural(plan.nodes, 'node')}`)
    if (!quiet && !terminal.isTerminal) terminal.print(`${first.name} founded network ${network.id}`)
  } catch (error) {
    await changeState(async ({ state, save }) => {
      if (state.network?.id !== network.id || state.processes.length > 0) return
      removeSecrets()
      await save(emptyState)
    })
    throw error
  }
  await grow(plan.nodes - 1, terminal, quiet)
  await waitUntilWhole(`network ${network.id} is booted`, terminal, quiet)
  return endedWithTable(terminal, plan.nodes < 5 ? 'addmany 10' : 'storemany 100', 'store hello world')
}

const assertNothingRuns = async (booted: Parameters<typeof survey>[0]) => {
  const alive = (await survey(booted)).filter(isLiving)
  if (alive.length > 0)
    throw new TaskFailure(
      `a network of ${plural(alive.length, 'node')} is running; see it with ${typed('status')}, end it with ${typed('killall')}`,
    )
  // One that never joined is none that could come back.
  const ended = booted.processes.filter((entry) => !(entry.state === 'starting' && isAbandoned(entry)))
  if (ended.length > 0)
    throw new TaskFailure(
      `a network is recorded, but its ${plural(ended.length, 'process', 'processes')} ended; to have it back with its data type: ${typed('restart all')}; to forget both: ${typed('killall')}`,
    )
}

const words = {
  args: {
    '[words...]': `how many nodes (2), the overlay (${overlayNames.join(', ')}), a preset (lab: the words of the lab hold literally; bytestag: Kademlia with 20 of everything)`,
  },
  options: bootOptions,
  text: false,
} as const

export const boot: Task = {
  ...words,
  name: 'boot',
  summary: 'a new network; two nodes unless told otherwise',
  examples: ['boot', 'boot 5', 'boot lab', 'boot 5 kademlia', 'boot 8 bits=8 mode=linear port=20001', 'boot 5 secret=on'],
  run: (given, terminal) => found(parseBoot(given), terminal, given.json),
}

export const reboot: Task = {
  ...words,
  name: 'reboot',
  summary: 'killall, then boot as before it, or as told from the same port',
  examples: ['reboot', 'reboot 5'],
  run: async (given, terminal) => {
    const { network } = await readState()
    const plan = parseReboot(given, network)
    const { lines } = await endNetwork((text) => {
      if (!given.json) terminal.progress(text)
    })
    if (!given.json) for (const line of lines) terminal.print(line)
    return found(plan, terminal, given.json)
  },
}
