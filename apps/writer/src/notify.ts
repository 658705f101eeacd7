// Talks to systemd through its own tool: the protocol needs a datagram socket, which Node does not have. Without
// NOTIFY_SOCKET (not started by systemd) all of it does nothing.

import { spawn } from 'node:child_process';

export interface Notifier {
  /** READY=1 once the schema is initialised and the lock is ours. */
  ready(status: string): void;
  stopping(): void;
  /** Feeds the watchdog as long as `isAlive` says that there is progress; a writer that is stuck is restarted. */
  watch(isAlive: () => boolean): void;
  close(): void;
}

/** @param env NOTIFY_SOCKET and WATCHDOG_USEC (microseconds) as systemd sets them. */
export function createNotifier(env: NodeJS.ProcessEnv): Notifier {
  const active = env.NOTIFY_SOCKET !== undefined && env.NOTIFY_SOCKET !== '';
  const watchdogMs = Number(env.WATCHDOG_USEC ?? 0) / 1_000;
  let timer: NodeJS.Timeout | undefined;
  const send = (...states: string[]): void => {
    if (!active) return;
    const child = spawn('systemd-notify', states, { stdio: 'ignore', env });
    child.on('error', () => undefined); // no tool: systemd will say that READY did not come
  };
  return {
    ready: (status) => send('--ready', `--status=${status}`),
    stopping: () => send('STOPPING=1', '--status=finishing the group under way'),
    watch: (isAlive) => {
      if (!active || !(watchdogMs > 0)) return;
      timer = setInterval(() => {
        if (isAlive()) send('WATCHDOG=1');
      }, watchdogMs / 3);
      timer.unref();
    },
    close: () => clearInterval(timer),
  };
}
