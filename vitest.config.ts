import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';
import { folderInMemory } from './tests/support/memory-room.ts';

// `npm test` leaves out what takes long (scripts/long-tests.mjs).
const leftOut = (process.env.FILEFLEET_LEFT_OUT ?? '')
  .split(',')
  .filter(Boolean)
  .map((path) => (path.endsWith('.ts') ? path : `${path}/**`));

const isFull = process.env.FAULTS_FULL === '1';

// Scenarios and faults keep their stores on the disk, as a fleet does; the others, which make hundreds of them, in memory.
const memory = folderInMemory();
const inMemory = memory === undefined ? {} : { TMPDIR: memory };

// Projects by room: unit tests stand beside their source; what crosses rooms stands in tests/.
export default defineConfig({
  test: {
    exclude: [...configDefaults.exclude, ...leftOut],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Tests mostly wait for processes and disks: on two cores, four files at a time use nearly all of them.
    maxWorkers: Math.max(4, availableParallelism() - 1),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tests/*.test.ts'],
          env: inMemory,
        },
      },
      {
        extends: true,
        test: {
          name: 'scenarios',
          include: ['scenarios', 'examples', 'publishing'].map((room) => `tests/${room}/**/*.test.ts`),
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['tests/faults/**/*.test.ts'],
          testTimeout: isFull ? 900_000 : 120_000,
        },
      },
      {
        extends: true,
        test: { name: 'bench', include: ['tests/bench/**/*.test.ts'], testTimeout: 120_000 },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['tests/browser/**/*.test.ts'],
          env: inMemory,
          testTimeout: 60_000,
        },
      },
      {
        // Only with a container engine: `npm run test:containers`.
        extends: true,
        test: {
          name: 'containers',
          include: ['tests/containers/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
