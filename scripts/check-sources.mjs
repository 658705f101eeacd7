// Lint and type check through turbo. A tool that has no program for this platform is named, not failed.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { capture, projectPath, root } from './project.mjs';

const tasks = [
  { task: 'lint', tool: 'biome' },
  { task: 'typecheck', tool: 'tsc' },
];

/** @returns {{ failed: number, notRun: string[] }} */
export function checkSources() {
  const env = {
    ...process.env,
    PATH: projectPath(),
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    DO_NOT_TRACK: '1',
  };
  const platform = `${process.platform}-${process.arch}`;
  const hasTurbo = capture(bin('turbo'), ['--version'], { env }).ok;
  const notRun = hasTurbo ? [] : [`turbo: no program for ${platform}; its tasks were run one by one`];
  let failed = 0;
  for (const { task, tool } of tasks) {
    if (!capture(bin(tool), ['--version'], { env }).ok) {
      notRun.push(`${task}: ${tool} has no program for ${platform}`);
      continue;
    }
    // Through turbo without its cache: a check that is counted here is one that ran here.
    const [command, args] = hasTurbo ? [bin('turbo'), ['run', task, '--force']] : ['npm', ['run', task]];
    const { status } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
    if (status !== 0) failed += 1;
  }
  return { failed, notRun };
}

function bin(name) {
  return join(root, 'node_modules', '.bin', name);
}
