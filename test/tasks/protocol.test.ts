import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { nodeApi } from '../../src/node/api.ts'
import { overlayNames } from '../../src/overlay/overlays.ts'
import { protocolPage } from '../../tasks/protocol.ts'

const calls = new Set(
  overlayNames.flatMap((overlay) => Object.values(nodeApi(overlay)).map(({ method, path }) => `${method} ${path}`)),
)

test('docs/PROTOCOL.md is what the tables say', () => {
  const committed = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8')
  expect(committed === protocolPage(), 'docs/PROTOCOL.md is stale: npm run protocol').toBe(true)
})

test.each([...calls])('the page tells of %s', (call) => {
  expect(protocolPage()).toContain(`\`${call}\``)
})
