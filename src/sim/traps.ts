/** The known traps of joining and leaving, each played in a small ring with ids that a person can follow. */
import { type Scenario, small } from './scene.ts'

export const traps: Readonly<Record<string, Scenario>> = {
  'two-joins': {
    summary: 'two nodes join the same gap at the same moment',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(60)
      scene.world.add({ id: '38' })
      scene.world.add({ id: '40' })
      await scene.bustle(3000)
      await scene.rest()
    },
  },
  'taken-id': {
    summary: 'a node starts under the id of another one',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(60)
      const { url } = scene.world.host('50')
      scene.world.add({ id: '50' })
      await scene.world.run(5000)
      const living = scene.world.running().filter(({ id }) => id === '50')
      scene.check(
        'it gives up, the other stays',
        living.length === 1 && living[0]?.url === url,
        living.map((one) => one.url).join(),
      )
      await scene.rest()
    },
  },
  'join-during-leave': {
    summary: 'a node joins next to one that is leaving',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(100)
      scene.world.leave('50')
      await scene.world.run(scene.random('moment').below(20))
      scene.world.add({ id: '48' })
      await scene.bustle(2000)
      await scene.gone('50')
      await scene.rest()
    },
  },
  'neighbours-leave': {
    summary: 'two neighbours leave at once, and their content with them',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(100)
      scene.world.leave('50')
      await scene.world.run(scene.random('moment').below(20))
      scene.world.leave('70')
      await scene.bustle(2000)
      await scene.gone('50', '70')
      await scene.rest()
    },
  },
  'heirs-leave': {
    summary: 'a node leaves, and so do its heirs, one after the other',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(100)
      const moment = scene.random('moment')
      for (const id of ['50', '70', '30', '90']) {
        scene.world.leave(id)
        await scene.bustle(moment.below(300))
      }
      await scene.gone('50', '70', '30', '90')
      await scene.rest()
    },
  },
  'last-two': {
    summary: 'of two nodes one leaves, the other is asked to as well',
    setting: () => small,
    play: async (scene) => {
      await scene.ring('20', 'a0')
      await scene.fill(30)
      scene.world.demanding = false
      scene.world.leave('20')
      await scene.gone('20')
      const asked = scene.world.leave('a0')
      await scene.world.run(5000)
      const said = asked.state === 'refused' ? asked.error.error : asked.state
      scene.check('the last node stays', said === 'LAST_NODE', `it said ${said}`)
      await scene.rest()
    },
  },
  'both-leave': {
    summary: 'two nodes, the only ones, are asked to leave at the same moment',
    setting: () => small,
    play: async (scene) => {
      await scene.ring('20', 'a0')
      await scene.fill(30)
      scene.world.demanding = false
      const asked = ['20', 'a0'].map((id) => scene.world.leave(id))
      await scene.world.run(60_000)
      const left = scene.world.running().length
      scene.check(
        'one of them stays at least',
        left >= 1,
        `${left} run; they said ${asked.map(({ state }) => state).join(' and ')}`,
      )
      await scene.rest()
    },
  },
  lone: {
    summary: 'a node alone is a network',
    setting: () => small,
    play: async (scene) => {
      await scene.ring('20')
      await scene.fill(30)
      await scene.bustle(2000)
      const { owner, hops } = await scene.world.call('20', 'find', { key: '20' })
      scene.check('it owns every key', owner.id === '20' && hops === 0, `${owner.id} after ${hops} hops`)
      const asked = scene.world.leave('20')
      await scene.world.run(5000)
      scene.check('it does not leave', asked.state === 'refused', asked.state)
      await scene.rest()
    },
  },
  'wrap-around': {
    summary: 'nodes join and leave around zero',
    setting: () => small,
    play: async (scene) => {
      await scene.ring('80', 'ff', '01')
      await scene.fill(60)
      scene.world.add({ id: '00' })
      scene.world.add({ id: 'fe' })
      await scene.bustle(2000)
      await scene.rest()
      for (const key of ['ff', '00', '02', '81']) {
        const owner = scene.world.window(key)[0]?.id
        const found = await scene.world.call('80', 'find', { key })
        scene.check(`${owner} owns ${key}`, found.owner.id === owner, found.owner.id)
      }
      scene.world.leave('00')
      scene.world.leave('01')
      await scene.bustle(2000)
      await scene.gone('00', '01')
      await scene.rest()
    },
  },
}
