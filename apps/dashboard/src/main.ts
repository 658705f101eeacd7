// The process of the dashboard: configuration, door, connection, stop. Exit codes: 0 stopped, 78 cannot start as configured.

import { type Config, ConfigError, loadConfig, requireRedisUrl } from '@filefleet/config';
import type { FastifyInstance } from 'fastify';
import { within } from './deadline.ts';
import type { Emit } from './events.ts';
import { createLog } from './log.ts';
import { assertGuarded } from './loopback.ts';
import { makeOneTimeUser } from './one-time-user.ts';
import { connectRedis } from './redis.ts';
import { createDashboard } from './server.ts';

const exitConfig = 78;
/** Requests that are still running get this long; then their connections are cut. */
const drainMs = 2_000;
/** Whatever FILEFLEET_STOP_TIMEOUT_MS says, a dashboard has nothing that is worth a longer wait. */
const stopMaxMs = 4_500;

async function main(): Promise<void> {
  const config = configure();
  const emit = createLog(config.logLevel);
  const stopped = stopSignal();
  let app: FastifyInstance | undefined;
  if (readsAgain(config)) process.on('SIGHUP', () => app?.access.read());
  const redis = connectRedis(requireRedisUrl(config), emit);
  const oneTime = hasUsers(config) ? undefined : await makeOneTimeUser();
  const dashboardUsers = config.dashboardUsers ?? (oneTime ? [oneTime.user] : []);
  app = await createDashboard({ config: { ...config, dashboardUsers }, redis, emit });
  const url = await listen(app, config);
  if (oneTime) emit('dashboard.password', { user: oneTime.user.name, password: oneTime.password });
  emit('dashboard.ready', { url, users: app.access.users.length });

  emit('dashboard.stopping', { signal: await stopped });
  const inTime = await stop(app, Math.min(config.stopTimeoutMs, stopMaxMs));
  redis.disconnect();
  emit('dashboard.stopped', { inTime });
  process.exit(0);
}

/** @throws ConfigError */
function configure(): Config {
  const config = loadConfig(process.env);
  requireRedisUrl(config);
  assertGuarded(config.dashboardHost, hasUsers(config), config.dashboardOneTimePassword);
  return config;
}

/** A file counts although nobody is in it yet: who comes in is said there, and nobody else does. */
const hasUsers = (config: Config): boolean =>
  config.dashboardUsers !== undefined || config.dashboardUsersFile !== undefined;

/** Whether SIGHUP means to look at the files again; with neither file nor service manager it says that the terminal is gone. */
const readsAgain = (config: Config): boolean =>
  config.dashboardUsersFile !== undefined || config.dashboardTokensFile !== undefined || !process.stdin.isTTY;

/** Resolves with the first signal; a second one ends the process at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(0));
        resolve(signal);
      });
    }
  });
}

/** @throws ConfigError when the address cannot be had. */
async function listen(
  app: FastifyInstance,
  { dashboardHost: host, dashboardPort: port }: Config,
): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw explainListen(error, host, port);
  }
  const address = app.server.address();
  const boundPort = address && typeof address === 'object' ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`;
}

const listenProblems: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) =>
    `FILEFLEET_DASHBOARD_PORT: expected port ${port} on ${host} to be free, got one that is in use; stop the other program or choose another port`,
  EACCES: (_host, port) =>
    `FILEFLEET_DASHBOARD_PORT: expected port ${port} to be open to this user, got a refusal; choose one above 1023`,
  EADDRNOTAVAIL: (host) =>
    `FILEFLEET_DASHBOARD_HOST: expected ${host} to be an address of this machine, got one that is not; choose 127.0.0.1 or 0.0.0.0`,
  ENOTFOUND: (host) =>
    `FILEFLEET_DASHBOARD_HOST: expected ${host} to be a known host name, got one that does not resolve; choose 127.0.0.1 or 0.0.0.0`,
};

function explainListen(error: unknown, host: string, port: number): unknown {
  const problem = listenProblems[(error as NodeJS.ErrnoException).code ?? ''];
  return problem ? new ConfigError([problem(host, port)]) : error;
}

/** @returns false when something had to be cut off. */
async function stop(app: FastifyInstance, timeoutMs: number): Promise<boolean> {
  const cut = setTimeout(() => app.server.closeAllConnections(), Math.min(drainMs, timeoutMs / 2));
  const closed = await within(
    timeoutMs,
    app.close().then(() => true),
  );
  clearTimeout(cut);
  return closed ?? false;
}

try {
  await main();
} catch (error) {
  const emit: Emit = createLog('info');
  emit('dashboard.refused', { message: error instanceof ConfigError ? error.message : String(error) });
  process.exit(error instanceof ConfigError ? exitConfig : 1);
}
