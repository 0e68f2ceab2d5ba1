/** The one list of overlays. Config, the calls that a node answers, documents, tasks and the simulator derive from it. */
import { type Static, Type } from 'typebox'
import { chordApi, chordAttributes } from './chord/api.ts'
import { Chord } from './chord/chord.ts'
import { checkIdeal, checkRing, ringOf } from './chord/invariants.ts'
import { chordOptions, lab } from './chord/options.ts'
import { Placement } from './chord/placement.ts'
import { kademliaApi, kademliaAttributes, kademliaColumns } from './kademlia/api.ts'
import * as kademlia from './kademlia/invariants.ts'
import { Kademlia } from './kademlia/kademlia.ts'
import { bytestag, kademliaOptions } from './kademlia/options.ts'
import { place as nearestByXor } from './kademlia/placement.ts'
import { sharedOptions } from './options.ts'
import { pastryApi, pastryAttributes, pastryColumns } from './pastry/api.ts'
import * as pastry from './pastry/invariants.ts'
import { pastryOptions } from './pastry/options.ts'
import { Pastry } from './pastry/pastry.ts'
import { place as nearestById } from './pastry/placement.ts'
import type { Mode, Peer } from '../protocol/schemas.ts'
import type { Kind } from './overlay.ts'

/** What can be set of any of them. */
export const overlayOptions = { ...sharedOptions, ...chordOptions, ...kademliaOptions, ...pastryOptions }
const Options = Type.Object(overlayOptions)
export type OverlayOptions = Static<typeof Options>

export const overlays = {
  chord: {
    api: chordApi,
    options: chordOptions,
    presets: { lab },
    modes: ['fingers', 'linear'],
    shape: 'ring',
    attributes: chordAttributes,
    columns: ({ predecessor, successor }) => ({ PRED: predecessor as Peer, SUCC: successor as Peer }),
    derive: ({ replicas = 0 }) => ({ successors: Math.max(5, replicas + 2) }),
    fault: ({ successors, replicas }) => (successors < replicas + 2 ? 'successors must be at least replicas + 2' : undefined),
    placement: ({ ownership }) => new Placement(ownership).place,
    violations: (snapshot) => checkRing(ringOf(snapshot)),
    imperfections: (snapshot, { successors }) => checkIdeal(ringOf(snapshot), successors),
    create: (setting: ConstructorParameters<typeof Chord>[0]) => new Chord(setting),
  },
  kademlia: {
    api: kademliaApi,
    options: kademliaOptions,
    presets: { bytestag },
    modes: ['buckets'],
    shape: 'tree',
    attributes: kademliaAttributes,
    columns: kademliaColumns,
    derive: ({ replicas = 0 }) => ({ k: Math.max(8, replicas) }),
    fault: ({ k, replicas }) => (k < replicas ? 'k must be at least replicas' : undefined),
    placement: () => nearestByXor,
    violations: kademlia.checkTables,
    imperfections: kademlia.checkIdeal,
    create: (setting: ConstructorParameters<typeof Kademlia>[0]) => new Kademlia(setting),
  },
  pastry: {
    api: pastryApi,
    options: pastryOptions,
    presets: {},
    modes: ['prefix'],
    shape: 'circle',
    attributes: pastryAttributes,
    columns: pastryColumns,
    derive: ({ replicas = 0 }) => ({ leafSetSize: Math.max(16, 2 * replicas) }),
    fault: ({ leafSetSize, replicas }) =>
      leafSetSize % 2 === 1 || leafSetSize < 2 * replicas
        ? 'leafSetSize must be even, and at least twice the replicas'
        : undefined,
    placement: () => nearestById,
    violations: pastry.checkTables,
    imperfections: (snapshot, { leafSetSize }) => pastry.checkIdeal(snapshot, leafSetSize),
    create: (setting: ConstructorParameters<typeof Pastry>[0]) => new Pastry(setting),
  },
} as const satisfies Readonly<Record<string, Kind<OverlayOptions>>>

export type OverlayName = keyof typeof overlays
export const overlayNames = Object.keys(overlays) as OverlayName[]

/** The rows of all of them: no two have a name in common. */
export type OverlayApi = (typeof overlays)['chord']['api'] &
  (typeof overlays)['kademlia']['api'] &
  (typeof overlays)['pastry']['api']

/** Those of its own options that are the same for all nodes of a network, who show them in /nodeinfo. */
export const commonOptions = ({ options, attributes }: Kind<OverlayOptions>): string[] =>
  Object.keys(options).filter((name) => name in attributes && (attributes[name] as { type?: string }).type !== 'array')

/** An overlay by its name, as shared code sees it. */
export const kindOf = (name: OverlayName): Kind<OverlayOptions> => overlays[name]

/** All the ways that lookups may travel in a network of it: by the overlay, the usual way first, or straight to the window. */
export const modesOf = (name: OverlayName): readonly Mode[] => [...kindOf(name).modes, 'onehop']
