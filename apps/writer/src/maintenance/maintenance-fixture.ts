// A maintenance over a store and a Redis that a test has made, with clocks of the test's own. For tests.

import { loadConfig } from '@filefleet/config';
import { redisKeys } from '@filefleet/protocol';
import { type Clock, ContentDesk, type SliceRequest, type WriterSession } from '@filefleet/store';
import type { Redis } from 'ioredis';
import type { WriterEvent } from '../events.ts';
import { Fence } from '../fence.ts';
import { Maintenance } from './maintenance.ts';

const keys = redisKeys();

export interface MaintenancePlace {
  readonly session: WriterSession;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly redisUrl: string;
  /** Connected. */
  readonly redis: Redis;
}

/** Redis runs on the time of the test: its own clock is none of this file's business. */
function withTime(redis: Redis, now: () => number): Redis {
  return new Proxy(redis, {
    get: (target, name) => {
      if (name === 'time') return async () => [Math.floor(now() / 1_000), 0];
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/**
 * @param env more FILEFLEET_* variables.
 * @param ticksOffMs how far the machine's uptime is behind the wall clock, in milliseconds.
 * @param bootId of the machine's present boot.
 */
export function maintain(
  place: MaintenancePlace,
  env: Record<string, string>,
  ticksOffMs: number,
  bootId = 'boot',
) {
  const { session, dataDir, clock, redis, redisUrl } = place;
  const config = loadConfig({ FILEFLEET_DATA_DIR: dataDir, FILEFLEET_REDIS_URL: redisUrl, ...env });
  const desk = new ContentDesk(dataDir, session.epoch);
  const events: WriterEvent[] = [];
  const fatal: unknown[] = [];
  const requests: SliceRequest[] = [];
  const ticks = { offMs: ticksOffMs, bootId, nowMs: () => clock.nowMs() - ticks.offMs };
  const redisTime = { offMs: 0 };
  let afterCopy = async () => {};
  /** Holds the next backup in the middle: the database is copied, files of contents are not. */
  const holdBackup = () => {
    const [copied, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    afterCopy = () => {
      copied.resolve();
      return released.promise;
    };
    return { copied: copied.promise, release: () => released.resolve() };
  };
  const maintenance = new Maintenance({
    config,
    line: {
      maintain: async (request) => {
        requests.push(request);
        return session.maintain(request);
      },
      prune: async () => session.prune(),
      backupTo: async (path) => {
        const copy = await session.backupTo(path);
        await afterCopy();
        return copy;
      },
    },
    desk,
    redis: withTime(redis, () => clock.nowMs() + redisTime.offMs),
    fence: new Fence(redis, keys.epoch, session.epoch, session, 'the same writer, begun again'),
    emit: (event, facts) => void events.push({ event, facts } as WriterEvent),
    clock,
    ticks,
    probe: undefined,
    isBusy: () => false,
    onFatal: (error) => void fatal.push(error),
  });
  /** @returns what ended the writer. */
  const end = async (): Promise<readonly unknown[]> => {
    await maintenance.stop();
    maintenance.close();
    desk.close();
    return fatal;
  };
  const told = (name: string) => events.filter(({ event }) => event === name).map(({ facts }) => facts);
  const settle = (name: string) => {
    const facts = {
      operationId: '',
      name,
      vm: 'vm0',
      outcome: 'applied',
      repeated: false,
      tookMs: 0,
    } as const;
    maintenance.subscriber({ event: 'operation.settled', facts });
  };
  return { maintenance, desk, end, told, settle, requests, ticks, redisTime, holdBackup };
}
