// Commands of `filefleet` as a person types them, run in the test's own process to save its start.

import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runCommandLine } from '@filefleet/cli';

export interface Said {
  readonly exitCode: number;
  /** The one JSON value that the command answers with. */
  // biome-ignore lint/suspicious/noExplicitAny: each command has a shape of its own
  readonly value: any;
}

/** @param env all of its environment: FILEFLEET_DATA_DIR must be in it. */
export async function askFilefleet(env: Record<string, string>, ...args: readonly string[]): Promise<Said> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = text(stdout);
  stderr.resume();
  const exitCode = await runCommandLine([...args, '--json'], { env, stdout, stderr });
  stdout.end();
  return { exitCode, value: JSON.parse(await said) };
}
