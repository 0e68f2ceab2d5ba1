/** What no ring is safe from, and must recover from: silence that is not death, and places taken by others. */
import { eight, type Scenario, small } from './scene.ts'
import { calm } from './weather.ts'

export const mishaps: Readonly<Record<string, Scenario>> = {
  'death-of-one-of-two': {
    summary: 'of two nodes one dies',
    setting: () => small,
    play: async (scene) => {
      await scene.ring('20', 'a0')
      await scene.fill(30)
      scene.world.demanding = false
      scene.world.crash('20')
      await scene.rest()
    },
  },
  'reply-lost': {
    summary: 'content moves to joiners, and a third of the replies is lost after the effect',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(100)
      scene.world.demanding = false
      scene.world.weather = { ...calm, replyLossPerMille: 300 }
      for (const id of ['20', '60', 'a0', 'e0']) scene.world.add({ id })
      await scene.world.run(30_000)
      await scene.rest()
    },
  },
  sleeper: {
    summary: 'a node is stopped for a minute and goes on with what it believed',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(60)
      scene.world.demanding = false
      scene.world.pause('50', 60_000)
      await scene.world.run(60_000)
      await scene.rest()
    },
  },
  'deaf-ear': {
    summary: 'half of the nodes are not heard by the other half for a minute',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(60)
      scene.world.demanding = false
      scene.world.deafen(eight.slice(0, 4), eight.slice(4))
      await scene.world.run(60_000)
      await scene.rest()
    },
  },
  split: {
    summary: 'the network is cut in two for a minute, both halves go on, and it heals',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(60)
      scene.world.demanding = false
      const [left, right] = [eight.filter((_, at) => at % 2 === 0), eight.filter((_, at) => at % 2 === 1)]
      scene.world.partition(left, right)
      await scene.world.run(60_000)
      const near = left.flatMap((id) => scene.world.host(id).node?.overlay.neighbors() ?? [])
      const across = near.filter(({ id }) => right.some((other) => other === id)).map(({ id }) => id)
      scene.check('there are two networks', across.length === 0, across.join(' '))
      for (const id of [left[0], right[0]]) if (id) await scene.store(`stored by ${id} in the split`, undefined, id)
      await scene.rest()
    },
  },
  squatter: {
    summary: 'a node dies, and a node of another network takes its address',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(60)
      const { url } = scene.world.host('50')
      const network = 'ffffffffffffffff'
      scene.world.crash('50')
      scene.world.add({ url, network, id: '50', seeds: [] })
      await scene.world.settle(120_000, network)
      scene.world.add({ network, id: '51' })
      await scene.rest()
      await scene.world.settle(120_000, network)
      const strangers = scene.world.members(network).join(' ')
      scene.check('the other network is for itself', strangers === '50 51', strangers)
    },
  },
}
