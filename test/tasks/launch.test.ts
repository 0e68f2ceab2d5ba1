/** Where a node is started that was given no port. */
import { expect, test } from 'vitest'
import { choosePort } from '../../tasks/launch.ts'
import { emptyState } from '../../tasks/state.ts'

const network = { id: '7f3a000000000000', port: 79, nodes: 2, options: { bits: 160 } }

test('not at port 80, which no url names, also where the first free one is looked for: its node did not start', async () =>
  expect(await choosePort({ network, seeds: [] }, emptyState, 80)).toBeGreaterThan(80))
