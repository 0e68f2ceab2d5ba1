/** Scenarios that chance writes: within what the protocol assumes, and beyond it. */
import { Fate } from './fate.ts'
import type { Scenario, Scene } from './scene.ts'
import { drawSchedule, drawSettings } from './schedule.ts'
import { Swarm } from './swarm.ts'
import { rough, stormy } from './weather.ts'

const callTimeoutMs = 1500

export const storms: Readonly<Record<string, Scenario>> = {
  swarm: {
    summary: 'nodes come, leave and die at random, within what the protocol assumes; nothing may ever be wrong',
    setting: (random, overlay) => ({
      settings: { ...drawSettings(random, overlay), callTimeoutMs },
      weather: rough(random, callTimeoutMs),
    }),
    play: (scene) => play(scene, true),
  },
  beyond: {
    summary: 'lost messages, cuts, long pauses, too many deaths: the ring must recover, and keep what it promised',
    setting: (random, overlay) => ({ settings: { ...drawSettings(random, overlay), callTimeoutMs } }),
    play: (scene) => play(scene, false),
  },
}

/** Follows the script that the scene is given, or has chance write one. */
const play = async (scene: Scene, lawful: boolean): Promise<void> => {
  const { world, clients } = scene
  const schedule = drawSchedule(scene.random('schedule'), callTimeoutMs, lawful)
  await world.boot(scene.script?.nodes ?? schedule.nodes)
  world.ledger.strict = lawful
  world.demanding = lawful
  if (!lawful) world.weather = stormy(scene.random('weather'), callTimeoutMs)
  if (scene.has('silence')) world.weather = { ...world.weather, silentDeaths: true }
  const fate = new Fate(world, clients, schedule)
  const chances = {
    deeds: scene.random('deeds'),
    lifetimes: scene.chance('expiry'),
    jams: lawful ? scene.chance('jam') : undefined,
    clocks: lawful ? scene.chance('clocks') : undefined,
  }
  if (scene.script) {
    for (const deed of scene.script.deeds) {
      await fate.reach(deed.atMs)
      fate.do(deed)
    }
    await fate.reach(scene.script.endMs)
  } else
    await new Swarm(world, schedule, chances).improvise(fate, (script) => {
      scene.played = script
    })
  scene.clear()
  await fate.conclude()
  await scene.rest()
}
