/** How a task ends without having done its work: two ways, and each tells what to type next. */

/** The world did not let it: exit code 1. */
export class TaskFailure extends Error {}

/** The words were not understood: exit code 2. */
export class WrongUse extends Error {}
