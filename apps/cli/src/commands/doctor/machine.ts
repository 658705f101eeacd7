// Checks of the machine and of the configuration.

import { readFileSync } from 'node:fs';
import { ConfigError } from '@filefleet/config';
import type { Context } from '../../context.ts';
import type { Finding } from '../doctor.ts';

const rootPackage = new URL('../../../../../package.json', import.meta.url);

export function checkNode(): Finding {
  const { dependencies } = JSON.parse(readFileSync(rootPackage, 'utf8')) as {
    dependencies: { node: string };
  };
  const found = `${process.version} at ${process.execPath}`;
  if (process.version === `v${dependencies.node}`) return { state: 'ok', found };
  const isUsable = Number(process.versions.node.split('.')[0]) >= 24;
  return {
    state: isUsable ? 'warn' : 'fail',
    found,
    advice: `run it with npx filefleet, which uses the project's Node ${dependencies.node}`,
  };
}

export async function checkNativeModules(): Promise<Finding> {
  const { databasePath } = await import('@filefleet/store');
  return { state: typeof databasePath === 'function' ? 'ok' : 'fail', found: 'SQLite and file locks load' };
}

export function checkConfiguration(context: Context): Finding {
  try {
    const names = Object.keys(context.env).filter((name) => name.startsWith('FILEFLEET_'));
    context.config();
    return { state: 'ok', found: names.length === 0 ? 'all defaults' : `set: ${names.sort().join(', ')}` };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { state: 'fail', found: error.problems.join('\n'), advice: 'correct the environment' };
  }
}
