/** Hardships that are nobody's death: clocks that disagree, a disk without room, time that runs out. */
import { type Scenario, small } from './scene.ts'
import { calm } from './weather.ts'

export const strains: Readonly<Record<string, Scenario>> = {
  'clocks-apart': {
    summary: 'clocks differ by minutes, one name is written through one node after the other, and nodes come and die',
    setting: () => ({ ...small, weather: { ...calm, skewMaxMs: 60_000 } }),
    play: async (scene) => {
      await scene.eight(10)
      for (let round = 0; round < 30; round++) {
        await scene.store(`round ${round}`, 'rose')
        await scene.look({ name: 'rose' })
        if (round === 5) scene.world.crash('50')
        if (round === 10) scene.world.add({ id: '40' })
        if (round === 15) await scene.back('50')
        if (round === 20) await scene.remove({ name: 'rose' })
        if (round === 25) scene.world.leave('70')
      }
      await scene.gone('70')
      await scene.rest()
    },
  },
  'full-disk': {
    summary: 'for a while there is no room on one disk; and another node dies',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(40)
      scene.world.fill('50', 20_000)
      await scene.bustle(2000)
      await scene.fill(80)
      scene.world.crash('70')
      await scene.bustle(5000)
      scene.world.add({ id: '48' })
      await scene.world.run(20_000)
      await scene.rest()
    },
  },
  expiry: {
    summary: 'values are stored for a minute; one who was away for that minute does not bring them back',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(10)
      const values = Array.from({ length: 20 }, (_, number) => `until then ${number}`)
      for (const value of values) await scene.world.call(scene.world.anyone(), 'store', { value, ttlSeconds: 60 })
      scene.world.crash('50')
      await scene.world.run(60_000)
      await scene.back('50')
      await scene.rest()
      for (const value of values) {
        const asked = scene.world.ask(scene.world.anyone(), 'lookupBy', { value })
        await scene.world.run(3000)
        const said = asked.state === 'refused' ? asked.error.error : asked.state
        if (said !== 'NOT_FOUND') scene.check(`${value} is over`, false, said)
      }
    },
  },
}
