// From a script of package.json to the same command of `filefleet`.

import { projectNode, projectPath, runScript, runThrough } from './project.mjs';
import { setup } from './setup.mjs';

/** @param {'start' | 'demo'} command its arguments are those of this process. */
export function delegate(command) {
  return runScript(() => {
    setup();
    const args = ['apps/cli/src/main.ts', command, ...process.argv.slice(2)];
    return runThrough(projectNode, args, { env: { ...process.env, PATH: projectPath() } });
  });
}
