// The Redis of a scenario: in a container where a container engine answers, else a `redis-server` of this machine. The
// last lines of a test run say which it was.

import { spawnSync } from 'node:child_process';
import { engineAnswers, inspect, runCommand } from './container-engine.ts';
import { usedHere } from './facts.ts';
import { startRedis, type TestRedis } from './redis.ts';

const image = 'redis:7-bookworm';
/** A first start may have to fetch the image, in milliseconds. */
const startMs = 60_000;
/** As startRedis has it: nothing on disk, nothing evicted. */
const command = ['redis-server', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];

let required = false;
let inContainer: Promise<boolean> | undefined;

/** From here on a Redis that is not in a container is a failure, not a choice. */
export function requireContainerRedis(): void {
  required = true;
}

/**
 * Starts a Redis of the test's own.
 * @param options.port the port of the one that it replaces; a free one if left out.
 */
export async function startFleetRedis(options: { port?: number } = {}): Promise<TestRedis> {
  inContainer ??= engineAnswers();
  if (required || (await inContainer)) {
    try {
      const redis = await startContainerRedis(options.port);
      usedHere(`Scenarios: Redis in a container (${image}), through testcontainers`);
      return redis;
    } catch (error) {
      if (required) throw error;
      // An engine that cannot get the image is of no use; asked once, not before each test.
      inContainer = Promise.resolve(false);
    }
  }
  usedHere('Scenarios: redis-server of this machine; with a container engine it would be one in a container');
  return startRedis(options);
}

async function startContainerRedis(hostPort?: number): Promise<TestRedis> {
  // Its reaper is one more image to fetch; every container is removed by whoever started it.
  process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true';
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(image)
    .withCommand(command)
    .withExposedPorts(hostPort === undefined ? 6379 : { container: 6379, host: hostPort })
    .withStartupTimeout(startMs)
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .start();
  const id = container.getId();
  const port = container.getMappedPort(6379);
  let state: 'running' | 'paused' | 'gone' = 'running';
  return {
    url: `redis://${container.getHost()}:${port}`,
    port,
    pid: Number(await inspect(id, '{{.State.Pid}}')),
    stop: async () => {
      if (state === 'gone') return;
      if (state === 'paused') engine('unpause', id);
      state = 'gone';
      await runCommand(['docker', 'rm', '--force', '--volumes', id]);
    },
    pause: () => {
      engine('pause', id);
      state = 'paused';
    },
    resume: () => {
      engine('unpause', id);
      state = 'running';
    },
  };
}

function engine(verb: 'pause' | 'unpause', id: string): void {
  const { status, stderr } = spawnSync('docker', [verb, id], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`expected docker ${verb} to succeed, got: ${stderr}`);
}
