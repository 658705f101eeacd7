// `filefleet put`: stores one file, or standard input, and prints its receipt.

import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown, shownName } from '../safe-text.ts';
import { type ActingAs, withClient } from './fleet-client.ts';
import { startProgress } from './progress.ts';
import { textTypeOf } from './text-type.ts';

export interface PutOptions extends ActingAs {
  readonly session: string;
  readonly name?: string;
  readonly message?: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly type?: string;
  readonly id?: string;
}

const standardInput = '-';

export async function put(context: Context, file: string, options: PutOptions): Promise<number> {
  const fromInput = file === standardInput;
  const size = fromInput ? undefined : await sizeOf(file);
  const filename = options.name ?? (fromInput ? 'stdin' : basename(file));
  const type = options.type ?? textTypeOf(filename);
  const receipt = await withClient(context, options, async (client) => {
    const progress = startProgress(context, filename, size);
    try {
      return await client.store({
        sessionId: options.session,
        filename,
        content: fromInput ? process.stdin : { path: file },
        metadata: options.meta,
        onProgress: ({ stagedBytes }) => progress.update(stagedBytes),
        ...(options.message === undefined ? {} : { messageId: options.message }),
        ...(type === undefined ? {} : { mimeType: type }),
        ...(options.id === undefined ? {} : { operationId: options.id }),
      });
    } finally {
      progress.stop();
    }
  });
  context.answer(receipt, () =>
    [
      `stored ${shownName(filename)} in session ${shown(options.session)}`,
      `  file id  ${receipt.fileId}`,
      `  size     ${receipt.size} bytes${receipt.deduplicated ? ', which were in the store already' : ''}`,
      `  sha-256  ${receipt.digest}`,
      `  durable  ${receipt.committedAt}, commit ${receipt.commitSequence}`,
      `read it back: npx filefleet get ${receipt.fileId}`,
    ].join('\n'),
  );
  return exitCodes.ok.code;
}

async function sizeOf(file: string): Promise<number> {
  try {
    const facts = await stat(file);
    if (facts.isFile()) return facts.size;
    if (facts.isDirectory()) {
      const message = `expected ${shown(file, 500)} to be a file, got a folder; name its files one by one`;
      throw new CliError('SOURCE_FAILED', 'failed', message);
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new CliError(
      'SOURCE_FAILED',
      'failed',
      `expected ${shown(file, 500)} to be a file, got nothing there; check the path`,
      {
        cause,
      },
    );
  }
  throw new CliError(
    'SOURCE_FAILED',
    'failed',
    `expected ${shown(file, 500)} to be a regular file, got something else; pipe it in instead: filefleet put - --session ID < FILE`,
  );
}
