// `filefleet get`: reads a file back. On disk it appears under its name only after its digest was right.

import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openReader } from '@filefleet/store';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown, shownName } from '../safe-text.ts';
import { type Progress, startProgress } from './progress.ts';

export interface GetOptions {
  readonly output?: string;
  readonly force?: boolean;
}

const standardOutput = '-';

export async function get(context: Context, fileId: string, options: GetOptions): Promise<number> {
  if (context.json && options.output === standardOutput) {
    throw new CliError(
      'USAGE',
      'usage',
      'expected --json or --output -, got both; bytes and JSON share standard output',
    );
  }
  const reader = openReader({ dataDir: context.config().dataDir });
  try {
    const { file, stream } = await reader.openContent(fileId);
    const progress = startProgress(context, file.filename, file.size);
    try {
      if (options.output === standardOutput) {
        await pipeline(stream, counted(progress), context.stdout, { end: false });
        return exitCodes.ok.code;
      }
      const path = await target(options.output, file.filename);
      await writeVerified(stream, progress, path, options.force === true);
      context.answer(
        { fileId, path, size: file.size, digest: file.digest },
        () => `wrote ${shown(path, 500)} (${file.size} bytes, digest verified)`,
      );
      return exitCodes.ok.code;
    } finally {
      progress.stop();
    }
  } finally {
    reader.close();
  }
}

/** A folder takes the file under its own name; a name from the store never leads out of it. */
async function target(output: string | undefined, filename: string): Promise<string> {
  const path = resolve(output ?? '.');
  const isFolder = await stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
  if (!isFolder) return path;
  const name = basename(filename.replaceAll('\\', '/'));
  if (name === '' || name === '.' || name === '..') {
    throw new CliError(
      'TARGET_FAILED',
      'failed',
      `expected ${shownName(filename)} to be usable as a file name here, got one that is not; choose one with --output`,
    );
  }
  return join(path, name);
}

/** Passes bytes on and says how many. */
function counted(progress: Progress) {
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of source) {
      bytes += chunk.length;
      progress.update(bytes);
      yield chunk;
    }
  };
}

async function writeVerified(
  stream: Readable,
  progress: Progress,
  path: string,
  force: boolean,
): Promise<void> {
  if (!force && existsSync(path)) throw targetExists(path);
  const temporary = join(dirname(path), `.${randomUUID()}.part`);
  try {
    await pipeline(stream, counted(progress), createWriteStream(temporary, { flags: 'wx', mode: 0o640 }));
    await syncFile(temporary);
    if (force) await rename(temporary, path);
    else await linkOnce(temporary, path);
  } finally {
    stream.destroy();
    await rm(temporary, { force: true });
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives the file its name unless somebody took it meanwhile. */
async function linkOnce(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw targetExists(path);
    await rename(temporary, path); // a file system without hard links
  }
}

function targetExists(path: string): CliError {
  return new CliError(
    'TARGET_FAILED',
    'failed',
    `expected nothing at ${shown(path, 500)}, got a file; choose another --output, or replace it with --force`,
  );
}
