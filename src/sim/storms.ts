/** Scenarios that chance writes: within what the protocol assumes, and beyond it. */
import type { Scenario } from './scene.ts'
import { drawSchedule, drawSettings } from './schedule.ts'
import { Swarm } from './swarm.ts'
import { rough, stormy } from './weather.ts'

const callTimeoutMs = 1500

export const storms: Readonly<Record<string, Scenario>> = {
  swarm: {
    summary: 'nodes come, leave and die at random, within what the protocol assumes; nothing may ever be wrong',
    setting: (random) => ({
      settings: { ...drawSettings(random), callTimeoutMs },
      weather: rough(random, callTimeoutMs),
    }),
    play: async (scene) => {
      const schedule = drawSchedule(scene.random('schedule'), callTimeoutMs, true)
      await scene.world.boot(schedule.nodes)
      await new Swarm(scene.world, schedule, scene.random('deeds')).play()
      await scene.rest()
    },
  },
  beyond: {
    summary: 'lost messages, cuts, long pauses, too many deaths: the ring must recover, and keep what it promised',
    setting: (random) => ({ settings: { ...drawSettings(random), callTimeoutMs } }),
    play: async (scene) => {
      const { world } = scene
      const schedule = drawSchedule(scene.random('schedule'), callTimeoutMs, false)
      await world.boot(schedule.nodes)
      world.demanding = false
      world.weather = stormy(scene.random('weather'), callTimeoutMs)
      await new Swarm(world, schedule, scene.random('deeds')).play()
      if (world.running().length === 0) world.add()
      await scene.rest()
    },
  },
}
