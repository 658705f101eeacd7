// `filefleet rm` and `filefleet restore`: soft deletion and its taking back, through the writer like everything that changes.

import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { shown } from '../safe-text.ts';
import { type ActingAs, withClient } from './fleet-client.ts';

export interface RemoveOptions extends ActingAs {
  readonly session: string;
  readonly reason?: string;
}

export async function removeOrRestore(
  context: Context,
  verb: 'rm' | 'restore',
  fileId: string,
  { session: sessionId, reason, ...actingAs }: RemoveOptions,
): Promise<number> {
  const receipt = await withClient(context, actingAs, (client) =>
    verb === 'rm'
      ? client.delete({ sessionId, fileId, ...(reason === undefined ? {} : { reason }) })
      : client.restore({ sessionId, fileId }),
  );
  context.answer(receipt, () =>
    verb === 'rm'
      ? `deleted ${shown(fileId)}; take it back with: npx filefleet restore ${shown(fileId)} --session ${shown(sessionId)}`
      : `restored ${shown(fileId)}`,
  );
  return exitCodes.ok.code;
}
