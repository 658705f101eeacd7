// Children must not outlive a supervisor that was killed with -9. On Linux the kernel sees to it: setpriv(1) of util-linux asks for
// SIGTERM at the parent's death and then becomes the program, so the process id stays. Elsewhere nothing does;
// there the next start finds what was left over (see leftover-redis.ts; a leftover writer holds its lock and says so).

import { spawnSync } from 'node:child_process';

let supported: boolean | undefined;

/** The command to run instead, so that the child is told to stop when this process dies. */
export function bindToParent(
  command: string,
  args: readonly string[],
): readonly [command: string, args: readonly string[]] {
  supported ??=
    process.platform === 'linux' &&
    spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true'], { stdio: 'ignore' }).status === 0;
  return supported ? ['setpriv', ['--pdeathsig', 'TERM', command, ...args]] : [command, args];
}
