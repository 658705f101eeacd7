// Tests that `npm test`, which must stay short, leaves to `npm run test:long`: kills at every step, faults that take their
// time, what is published, the bench, and some whose neighbours say most of what they say. Folders and files, relative to the root.

export const longTests = [
  'tests/bench',
  'tests/faults/controls',
  'tests/faults/damage.test.ts',
  'tests/faults/maintenance.test.ts',
  'tests/faults/oracle',
  'tests/faults/power-loss',
  'tests/faults/redis-faults.test.ts',
  'tests/faults/spool-loop',
  'tests/faults/staging',
  'tests/publishing',
  'tests/scenarios/adopt-kills.test.ts',
  'tests/scenarios/backup-kills.test.ts',
  'tests/scenarios/uploads.test.ts',
];

/** What has a whole form besides that in `npm test`, for FAULTS_FULL=1. */
export const shortened = [
  'packages/client/src/store-many.test.ts',
  'packages/store/src/initialisation.test.ts',
  'packages/store/src/life/sweep-simulation.test.ts',
  'packages/store/src/search/search-index.test.ts',
  'tests/faults/failpoints',
  'tests/faults/model',
];
