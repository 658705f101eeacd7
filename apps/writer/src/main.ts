// The writer's process starts here: two threads, loading side by side.

import { startCommitThread } from './commit-start.ts';

const checkOnly = process.argv.includes('--check');
const thread = checkOnly ? undefined : startCommitThread();
const { run } = await import('./run.ts');
await run({ checkOnly, thread });
