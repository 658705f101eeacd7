// The scenarios that everything else stands on, once more, against a Redis in a container through testcontainers: the same
// files, the same tests. `npm test` runs all scenarios against whatever Redis the machine has.

import { readdirSync } from 'node:fs';
import { describe } from 'vitest';
import { requireContainerRedis } from '../support/fleet-redis.ts';

const folder = new URL('../scenarios/', import.meta.url);
const files = [
  'fresh-deployment',
  'npu-worker',
  'browser-screenshot',
  'frontend-uploads',
  'concurrent-initialisation',
  'end-to-end',
  'database-recovery',
  'redis-loss',
  'stopping',
].map((name) => `${name}.test.ts`);

requireContainerRedis();
const missing = files.filter((name) => !readdirSync(folder).includes(name));
if (missing.length > 0) throw new Error(`expected these scenarios in tests/scenarios, got none: ${missing}`);

for (const name of files) {
  describe(`${name} with Redis in a container`, async () => {
    // Importing a test file in here registers its tests and hooks here.
    await import(new URL(name, folder).href);
  });
}
