/** Nodes that come back: soon, after an hour, after eight days; one, one after the other, or all of them. */
import type { NodeSettings } from '../node/config.ts'
import { eight, type Scenario, type Scene, small } from './scene.ts'

const dayMs = 24 * 3600_000

export const absences: Readonly<Record<string, Scenario>> = {
  resurrected: {
    summary: 'a node dies and is back before anyone has noticed',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(60)
      scene.world.crash('50')
      await scene.bustle(scene.random('moment').below(300))
      scene.world.restart('50')
      await scene.bustle(2000)
      await scene.rest()
    },
  },
  amnesia: {
    summary: 'a node dies and is back before anyone has noticed, with nothing on its disk',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(60)
      scene.world.crash('50')
      await scene.bustle(scene.random('moment').below(300))
      scene.world.wipe('50')
      scene.world.restart('50')
      await scene.bustle(2000)
      await scene.rest()
    },
  },
  'old-store': {
    summary: 'a node is away for twenty minutes, in which names are given to other values, and values are deleted',
    setting: () => ({ settings: { ...small.settings, membership: 'off' } }),
    play: async (scene) => {
      await scene.eight(40)
      await scene.bustle(3000)
      scene.world.crash('50')
      await scene.world.settle()
      await scene.bustle(10_000)
      await scene.world.run(20 * 60_000)
      await scene.back('50')
      await scene.bustle(2000)
      await scene.rest()
    },
  },
  'rolling-restart': {
    summary: 'all nodes are stopped and started again, one after the other, and nobody notices',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(40)
      for (const id of eight) {
        scene.world.stop(id)
        while (scene.world.host(id).node) await scene.bustle(20)
        await scene.bustle(1000)
        await scene.back(id)
        await scene.bustle(1000)
      }
      await scene.rest()
    },
  },
  'good-night': {
    summary: 'all nodes are stopped one after the other, as SIGTERM does, and all start again',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(30)
      scene.world.demanding = false
      for (const id of eight) {
        scene.world.stop(id)
        await scene.gone(id)
      }
      await scene.wake(...eight)
      await scene.rest()
    },
  },
  'power-cut': {
    summary: 'all nodes die at once, with clients waiting, and start again in any order',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(30)
      await scene.bustle(3000)
      scene.dark()
      await scene.world.run(10_000)
      await scene.wake(...eight)
      await scene.bustle(3000)
      await scene.rest()
    },
  },
  'long-night': {
    summary: 'a node dies, values are deleted, all nodes die, and start again in any order after eight days',
    setting: () => small,
    play: async (scene) => {
      await scene.eight(30)
      await scene.bustle(3000)
      scene.world.crash('50')
      await scene.world.settle()
      await removeSome(scene, 10)
      await scene.bustle(3000)
      scene.dark()
      await scene.world.run(8 * dayMs)
      await scene.wake(...eight)
      await scene.bustle(3000)
      await scene.rest()
    },
  },
  'long-absence': {
    summary: 'a node is away for eight days, in which values are deleted',
    setting: () => ({ settings: { ...small.settings, ...slow } }),
    play: async (scene) => {
      await scene.ring('10', '30', '50', '70', '90')
      await scene.fill(30)
      scene.world.crash('50')
      await scene.world.settle()
      await removeSome(scene, 10)
      await scene.world.run(8 * dayMs)
      await scene.store('later', 'rose')
      await scene.back('50')
      await scene.rest()
    },
  },
}

/** So slow that days go by in seconds. */
const slow: Partial<NodeSettings> = {
  membership: 'off',
  stabilizeEveryMs: 7200_000,
  callTimeoutMs: 10_800_000,
  operationTimeoutMs: 10_800_000,
  refreshFingersEveryMs: dayMs,
  reuniteEveryMs: dayMs,
  rehomeEveryMs: 500_000,
}

const removeSome = async (scene: Scene, count: number): Promise<void> => {
  const { ledger, clocks, nowMs } = scene.world
  const values = ledger.registers.filter(({ newest }) => newest && newest.value !== null)
  for (const register of values.slice(0, count)) {
    // A client that came by before may be deleting it as well.
    const isThere = !register.possible(ledger.tick(), clocks.between(nowMs)).includes(null)
    if (isThere) await scene.remove(register.what)
  }
}
