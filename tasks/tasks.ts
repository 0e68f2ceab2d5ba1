/** The one list of tasks, in the order in which help shows them. */
import { boot, reboot } from './boot.ts'
import { check } from './check.ts'
import { compareTask } from './compare.ts'
import { kill, leave } from './depart.ts'
import { add, addmany } from './grow.ts'
import { call, logs } from './inspect.ts'
import { killall } from './killall.ts'
import { members, tags } from './members.ts'
import { monitor } from './monitor.ts'
import { restart } from './restart.ts'
import { rotate } from './rotate.ts'
import { find, lookup, remove } from './seek.ts'
import { simulate } from './simulate.ts'
import { status } from './status.ts'
import { store } from './store.ts'
import { storemany } from './storemany.ts'
import type { Task } from './task.ts'

export const tasks: readonly Task[] = [
  boot,
  add,
  addmany,
  leave,
  kill,
  restart,
  killall,
  reboot,
  rotate,
  store,
  storemany,
  lookup,
  find,
  remove,
  call,
  status,
  monitor,
  members,
  tags,
  check,
  logs,
  simulate,
  compareTask,
]
