/**
 * Who may import whom. The rooms, from the inside out:
 *
 *   space ← protocol ← ports ← { overlay, membership } ← content ← node ← { service, sim } ← tasks
 *
 * What a pure room needs of the world it takes from its ports; service and sim each have one body of them.
 */
const rooms = ['space', 'protocol', 'ports', 'overlay', 'membership', 'content', 'node', 'service', 'sim']
const inside = (names) => `^src/(${names.join('|')})(/|\\.ts$)`
const pure = inside(['space', 'protocol', 'ports', 'overlay', 'membership', 'content', 'node'])
const packages = '(^|/)node_modules/'

/** A room imports itself and the rooms before it, less those it must not know. */
const reach = (room, unknown = []) => ({
  name: `${room}-knows-only-what-is-further-in`,
  comment: `${room} may import ${
    rooms
      .slice(0, rooms.indexOf(room))
      .filter((name) => !unknown.includes(name))
      .join(', ') || 'nothing'
  }. Move what it needs further in, take it as an argument, or take it from the ports.`,
  severity: 'error',
  from: { path: inside([room]) },
  to: {
    path: '^(src|tasks|test)/',
    pathNot: inside(rooms.slice(0, rooms.indexOf(room) + 1).filter((name) => !unknown.includes(name))),
  },
})

module.exports = {
  forbidden: [
    reach('space'),
    reach('protocol'),
    reach('ports'),
    reach('overlay'),
    reach('membership', ['overlay']),
    reach('content'),
    reach('node'),
    reach('service'),
    reach('sim', ['service']),
    {
      name: 'src-does-not-know-tasks-or-tests',
      comment: 'The product does not know its operator’s CLI and its tests.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(tasks|test)/' },
    },
    {
      name: 'tasks-do-not-know-tests',
      comment: 'What both need belongs to src.',
      severity: 'error',
      from: { path: '^tasks/' },
      to: { path: '^test/' },
    },
    {
      name: 'overlays-are-strangers',
      comment: 'An overlay never imports another. What two of them need belongs to overlay/ itself, as a noun of its own.',
      severity: 'error',
      from: { path: '^src/overlay/([^/]+)/' },
      to: { path: '^src/overlay/[^/]+/', pathNot: '^src/overlay/$1/' },
    },
    {
      name: 'shared-overlay-code-does-not-pick-an-overlay',
      comment: 'Only overlays.ts, the one list, names them; what shared code wants to know is a member of Overlay.',
      severity: 'error',
      from: { path: '^src/overlay/[^/]+\\.ts$', pathNot: '^src/overlay/overlays\\.ts$' },
      to: { path: '^src/overlay/[^/]+/' },
    },
    {
      name: 'pure-rooms-do-no-io',
      comment: 'Sockets, files, timers, randomness and hashing come through the ports (src/ports.ts).',
      severity: 'error',
      from: { path: pure },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-rooms-name-no-package-but-typebox',
      comment: 'What a package does for a pure room is a port, or belongs to service/. space/ names none at all.',
      severity: 'error',
      from: { path: pure },
      to: { path: packages, pathNot: `${packages}typebox/` },
    },
    {
      name: 'space-names-no-package',
      comment: 'Identifiers are text and arithmetic.',
      severity: 'error',
      from: { path: inside(['space']) },
      to: { path: packages },
    },
    {
      name: 'sim-does-no-io',
      comment: 'A world is a function of its seed. It may name node:crypto, for the synchronous hash, and node:assert.',
      severity: 'error',
      from: { path: inside(['sim']) },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|assert(/strict)?)$' },
    },
    {
      name: 'sim-names-no-package-but-pure-rand',
      comment: 'A world is a function of its seed: randomness is pure-rand, the rest is ours.',
      severity: 'error',
      from: { path: inside(['sim']) },
      to: { path: packages, pathNot: `${packages}(typebox|pure-rand)/` },
    },
    {
      name: 'pure-rand-is-for-worlds',
      comment: 'Elsewhere in src randomness comes from the Random port.',
      severity: 'error',
      from: { path: '^src/', pathNot: inside(['sim']) },
      to: { path: `${packages}pure-rand/` },
    },
    {
      name: 'no-cycle',
      comment: 'Two files that need each other are one idea, or lack a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphan',
      comment: 'Nothing imports this file, and it is no entry: delete it, or import it.',
      severity: 'error',
      from: { orphan: true, path: '^(src|tasks)/', pathNot: '^src/service/main\\.ts$|^tasks/[^/]+\\.(mjs|cjs)$' },
      to: {},
    },
    {
      name: 'resolvable',
      comment: 'This import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^\\.\\./dist/' },
    },
    {
      name: 'declared',
      comment: 'Add it to package.json: dependencies for src and tasks, devDependencies for tests and the build.',
      severity: 'error',
      from: { path: '^(src|tasks)/', pathNot: '^tasks/[^/]+\\.mjs$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: packages },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
}
