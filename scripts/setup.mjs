// What must be there before anything of ours can run: packages, the project's own Node, a Redis. Each step says what
// it does, once, and says nothing when there is nothing to do.

import { installPackages } from './packages.mjs';
import { SetupError } from './project.mjs';
import { ensureRedisServer } from './redis-server.mjs';

/**
 * @param {{ tests?: boolean, redis?: 'required' | 'wanted' }} need
 *   tests: development dependencies too. redis 'required': without one, stop here; 'wanted': go on and tell.
 * @returns {{ missing: string[] }} what could not be had, one sentence each.
 * @throws SetupError
 */
export function setup({ tests = false, redis = 'required' } = {}) {
  installPackages({ tests });
  if (redis === 'required' && process.env.FILEFLEET_REDIS_URL) return { missing: [] };
  const problem = ensureRedisServer();
  if (problem && redis === 'required') throw new SetupError(problem);
  return { missing: problem ? [problem] : [] };
}
