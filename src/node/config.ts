/** Everything that can be set of one node: parsed once, then total and frozen. */
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { membershipOptions, membershipPresets, parseTags, usualMembership } from '../membership/options.ts'
import { kindOf, modesOf, type OverlayName, overlayNames, overlayOptions, overlays } from '../overlay/overlays.ts'
import type { Hash } from '../ports.ts'
import { isIdBits, isOrigin, Name, type Peer } from '../protocol/schemas.ts'
import { idBits, idOf, isId } from '../space/id.ts'

/** Of all times that can be set: timers hold 31 bits, and some that are set are doubled. */
const longestMs = 2 ** 30
const usualOverlay: OverlayName = 'chord'

const NodeConfig = Type.Object(
  {
    /** As people call it: `node-10001`. */
    name: Name,
    /** Where others reach this node; its id is the hash of this. A canonical origin: `http://127.0.0.1:10001`. */
    url: Type.String({ maxLength: 255 }),
    /** The id of the network: 16 hex digits drawn at boot. */
    network: Type.String({ pattern: '^[0-9a-f]{16}$' }),
    /** Which overlay routes. */
    overlay: Type.Enum(overlayNames, { default: usualOverlay }),
    /** Width of ids: 8 to 160, a multiple of 4. Fewer: ids that fit on a blackboard, and collide. */
    bits: Type.Integer({ default: 160 }),
    /** An id other than the hash of the url; needs allowCustomIds. */
    id: Type.Optional(Type.String()),
    /** When this life of the node began, ms since 1970. */
    incarnation: Type.Integer({ minimum: 0 }),
    /** How long a call to a peer may take before the peer counts as not reachable. */
    callTimeoutMs: Type.Integer({ minimum: 10, default: 1500 }),
    /** How long one lookup may take, for a client's operation; what could not be decided is begun anew within half of that. */
    operationTimeoutMs: Type.Integer({ minimum: 100, default: 10_000 }),
    /** What this node keeps at most; then it has no room (507). */
    quotaBytes: Type.Integer({ minimum: 1024 * 1024, default: 4 * 1024 ** 3 }),
    /**
     * Between two comparisons of what this node holds with one of those who share it, in turn; changes of the ring start one at once.
     */
    rehomeEveryMs: Type.Integer({ minimum: 10, default: 15_000 }),
    ...overlayOptions,
    ...membershipOptions,
  },
  { additionalProperties: false },
)
export type NodeConfig = Readonly<Static<typeof NodeConfig>>
/** What must be said; the rest has defaults. */
export type NodeSettings = Partial<NodeConfig> & Pick<NodeConfig, 'name' | 'url' | 'network' | 'incarnation'>

/** Named sets of options, each of one overlay. */
export const presets: Readonly<Record<string, Partial<NodeConfig>>> = Object.assign(
  {},
  ...Object.values(overlays).map((kind) => kind.presets),
)

/** Said of an option, in one sentence that begins with its name and says what it may be. */
export class BadOption extends Error {}

/** @throws BadOption */
export const parseConfig = (settings: NodeSettings): NodeConfig => {
  const { membership = usualMembership, overlay: named = usualOverlay } = settings
  const derived = Object.hasOwn(overlays, named) ? kindOf(named).derive(settings) : {}
  const config = Value.Default(NodeConfig, { ...membershipPresets[membership], ...derived, ...settings })
  const wrong = Value.Errors(NodeConfig, config)[0]
  if (wrong) throw new BadOption(`${wrong.instancePath.slice(1) || 'config'} ${wish(wrong)}`)
  const parsed = config as NodeConfig
  const long = Object.entries(parsed).find(([name, value]) => name.endsWith('Ms') && Number(value) > longestMs)
  if (long) throw new BadOption(`${long[0]} must be <= ${longestMs}, which is twelve days, not ${long[1]}`)
  const { bits, id, url, overlay, mode, allowCustomIds } = parsed
  const kind = kindOf(overlay)
  if (!isIdBits(bits))
    throw new BadOption(`bits must be a multiple of ${idBits.step} from ${idBits.minimum} to ${idBits.maximum}, not ${bits}`)
  if (!isOrigin(url)) throw new BadOption(`url must be an origin like http://127.0.0.1:10001, not ${url}`)
  if (id !== undefined && !allowCustomIds)
    throw new BadOption('id needs allowCustomIds: without it an id is the hash of the url')
  if (id !== undefined && !isId(id, bits)) throw new BadOption(`id must have ${bits / 4} lowercase hex digits, not ${id}`)
  const modes = modesOf(overlay)
  if (!modes.includes(mode)) throw new BadOption(`mode must be one of: ${modes.join(', ')}, in ${overlay}`)
  const fault = kind.fault(parsed)
  if (fault !== undefined) throw new BadOption(fault)
  if (parsed.operationTimeoutMs < parsed.callTimeoutMs)
    throw new BadOption('operationTimeoutMs must be at least callTimeoutMs: an operation is made of calls')
  if (parsed.probeTimeoutMs >= parsed.probeEveryMs) throw new BadOption('probeTimeoutMs must be less than probeEveryMs')
  if (!parseTags(parsed.tags)) throw new BadOption('tags must be like zone=a,disk=ssd')
  return Object.freeze(parsed)
}

/** @throws BadOption where something was said of an option of another overlay, which would do nothing */
export const assertOptionsOf = (overlay: OverlayName | undefined, said: object): void => {
  const name = overlay ?? usualOverlay
  if (!Object.hasOwn(overlays, name)) return
  const { options } = kindOf(name)
  const others = Object.assign({}, ...Object.values(overlays).map((kind) => kind.options)) as object
  const strange = Object.keys(said).find((option) => Object.hasOwn(others, option) && !Object.hasOwn(options, option))
  if (strange !== undefined) throw new BadOption(`${strange} is no option of ${name}`)
}

/** Who a config makes of a node. */
export const peerOf = ({ id, url, bits }: Pick<NodeConfig, 'id' | 'url' | 'bits'>, hash: Hash): Peer => ({
  id: id ?? idOf(hash(url), bits),
  url,
})

const wish = ({ keyword, params, message }: ReturnType<typeof Value.Errors>[number]): string =>
  keyword === 'enum' && 'allowedValues' in params
    ? `must be one of: ${params.allowedValues.join(', ')}`
    : keyword === 'boolean'
      ? 'is no option'
      : message
