/** Deaths that the protocol is made for: of those who come and go, and of all but one who hold a key. */
import { eight, type Scenario, small } from './scene.ts'

export const deaths: Readonly<Record<string, Scenario>> = {
  'orphaned-joiner': {
    summary: 'a node joins, and its predecessor dies before it has heard of it',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(60)
      scene.world.add({ id: '40' })
      await scene.joined('40')
      scene.world.crash('30')
      await scene.bustle(3000)
      await scene.rest()
    },
  },
  'consecutive-deaths': {
    summary: 'two neighbours die at once, in the midst of things: of what they held, one copy is left',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(60)
      for (const id of ['50', '70']) scene.world.crash(id)
      await scene.bustle(3000)
      await scene.rest()
    },
  },
  'all-but-one': {
    summary: 'of five copies four are lost at once: all that a node has for successors die, but one',
    setting: () => ({ settings: { ...small.settings, replicas: 5, successors: 7 } }),
    play: async (scene) => {
      await scene.ring(...eight, '18', '20', '28')
      await scene.fill(60)
      for (const id of ['10', '18', '20', '28']) scene.world.crash(id)
      await scene.bustle(3000)
      await scene.rest()
    },
  },
  'death-in-a-leave': {
    summary: 'a node dies in the middle of its leave',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(100)
      scene.world.leave('50')
      await scene.bustle(scene.random('moment').below(1000))
      if (scene.world.host('50').node) scene.world.crash('50')
      await scene.rest()
    },
  },
  'death-of-an-heir': {
    summary: 'a node leaves, and one that it passes its content on to dies meanwhile',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(100)
      scene.world.leave('50')
      await scene.bustle(scene.random('moment').below(1000))
      scene.world.crash(scene.random('who').below(2) === 0 ? '70' : '30')
      await scene.gone('50')
      await scene.rest()
    },
  },
  'death-of-a-joiner': {
    summary: 'a node dies while content moves to it, and comes back with what it got',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(100)
      scene.world.add({ id: '40' })
      await scene.joined('40')
      await scene.bustle(scene.random('moment').below(300))
      scene.world.crash('40')
      await scene.bustle(scene.random('absence').below(5000))
      await scene.back('40')
      await scene.rest()
    },
  },
  'death-of-a-donor': {
    summary: 'a node joins, and one of its donors dies before it has passed everything on',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(100)
      scene.world.add({ id: '40' })
      await scene.joined('40')
      await scene.bustle(scene.random('moment').below(300))
      scene.world.crash(scene.random('who').below(2) === 0 ? '50' : '70')
      await scene.rest()
    },
  },
}
