// From a file that lies whole in the folder `incoming` to a receipt.

import type { AppliedReceipt } from '@filefleet/client';
import { ActionError } from '../actions/action-error.ts';
import type { Actions, Actor } from '../actions/actions.ts';
import type { Brought, IncomingFolder } from './incoming-folder.ts';
import type { UploadLimits } from './limits.ts';

export interface SendParts {
  readonly actions: Actions;
  readonly folder: IncomingFolder;
  readonly limits: Pick<UploadLimits, 'receiptMs'>;
}

/** What the operation says beside its content. */
export interface SentFields {
  readonly sessionId: string;
  readonly filename: string;
  readonly mimeType?: string;
  readonly messageId?: string;
  readonly metadata?: Record<string, string>;
}

/**
 * Has the writer store it. The file stays only while an operation under way may name it.
 * @throws ActionError
 */
export async function send(
  { actions, folder, limits }: SendParts,
  actor: Actor,
  operationId: string,
  fields: SentFields,
  { name, digest, size }: Brought,
): Promise<AppliedReceipt> {
  const content = { from: 'incoming', name } as const;
  const options = { operationId, deadlineMs: limits.receiptMs };
  try {
    const ask = () => actions.run(actor, 'file-store', { ...fields, digest, size, content }, options);
    // An earlier upload under this id that took too long may have been given up since: that says nothing about these bytes.
    const receipt = await ask().catch((error) => (wasGivenUp(error) ? ask() : Promise.reject(error)));
    await folder.remove(name); // a repeat got the first receipt, and the writer never saw this one
    return receipt;
  } catch (error) {
    if (!(error instanceof ActionError && error.isUnderWay)) await folder.remove(name);
    throw error;
  }
}

const wasGivenUp = (error: unknown): boolean => error instanceof ActionError && error.code === 'GIVEN_UP';
