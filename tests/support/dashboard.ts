// A dashboard in this process, over a Redis of the test's own, with a clock that the test moves.

import { type DashboardToken, roles } from '@filefleet/config';
import { type ApiLimits, createDashboard, type DashboardEvents } from '@filefleet/dashboard';
import { Redis } from 'ioredis';
import { testUsers } from './dashboard-users.ts';

type App = Awaited<ReturnType<typeof createDashboard>>;

export interface TestDashboard {
  readonly app: App;
  readonly redis: Redis;
  readonly events: { event: keyof DashboardEvents; fields: object }[];
  readonly routes: { method: string; route: string }[];
  /** Moves the clock. */
  advance(ms: number): void;
  nowMs(): number;
  /** Resolves when the connection is up. */
  connected(): Promise<void>;
  close(): Promise<void>;
}

export interface TestDashboardOptions {
  /** Where the store is; without it, there is none. */
  readonly dataDir?: string;
  readonly tokens?: readonly DashboardToken[];
  /** What else the configuration says: users and tokens in files, limits of uploads, ... */
  readonly config?: Partial<Parameters<typeof createDashboard>[0]['config']>;
  readonly apiLimits?: Partial<ApiLimits>;
  /** Where figures of the past are kept; without it, for this run. */
  readonly dashboardDir?: string;
  /** How often the fleet is looked at, and how many may watch. */
  readonly fleet?: NonNullable<Parameters<typeof createDashboard>[0]['fleet']>;
  /** The machine's clock, for tests with a real writer; without it, a clock that the test moves. */
  readonly now?: () => number;
}

/** @param url of Redis; it may be away. */
export async function openTestDashboard(
  url: string,
  {
    dataDir = '/nonexistent',
    tokens,
    config = {},
    apiLimits = {},
    dashboardDir,
    fleet = {},
    now,
  }: TestDashboardOptions = {},
): Promise<TestDashboard> {
  let nowMs = Date.UTC(2026, 0, 1);
  const events: TestDashboard['events'] = [];
  const routes: TestDashboard['routes'] = [];
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 2_000,
    retryStrategy: () => 20,
  });
  redis.on('error', () => {});
  const app = await createDashboard({
    config: {
      shard: 0,
      dashboardUsers: roles.map((role) => testUsers[role]),
      dashboardTokens: tokens,
      dataDir,
      dashboardDir,
      redisUrl: url,
      dashboardSecret: 'the secret of a test, of 32 and more characters',
      ...config,
    },
    redis,
    apiLimits,
    fleet,
    now: now ?? (() => nowMs),
    emit: (event, fields) => void events.push({ event, fields }),
    onRoute: (method, route) => void routes.push({ method, route }),
  });
  return {
    app,
    redis,
    events,
    routes,
    advance: (ms) => {
      nowMs += ms;
    },
    nowMs: () => now?.() ?? nowMs,
    connected: async () => {
      if (redis.status !== 'ready')
        await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
    },
    close: async () => {
      await app.close();
      redis.disconnect();
    },
  };
}
