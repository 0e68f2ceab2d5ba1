/** What a scenario asks for at its end of nodes that no reading would tell of. */
import { expect, test } from 'vitest'
import { Refusal } from '../../src/protocol/errors.ts'
import { Scene, small } from '../../src/sim/scene.ts'

const failed = ({ checks }: Scene) => checks.filter(({ ok }) => !ok).map(({ name }) => name)

test('a network at rest that takes no writes is not well', async () => {
  const scene = new Scene(1, small, {})
  await scene.eight(10)
  for (const { node } of scene.world.running())
    if (node)
      node.handlers.insert = node.handlers.keep = () => {
        throw new Refusal('STORE_FULL', 'no more')
      }
  await scene.rest()
  expect(failed(scene)).toContain('everyone takes what is written')
})

test('nor is one that has left a client without an answer', async () => {
  const scene = new Scene(1, small, {})
  await scene.eight(10)
  const [id = ''] = scene.world.members()
  const { handlers } = scene.world.host(id).node ?? {}
  if (!handlers) throw new Error('nobody lives there')
  const { lookupBy } = handlers
  handlers.lookupBy = () => new Promise(() => {})
  scene.clients.look(id, { name: 'rose' })
  await scene.world.run(25_000)
  handlers.lookupBy = lookupBy
  await scene.rest()
  expect(failed(scene)).toEqual(['every client was answered'])
})
