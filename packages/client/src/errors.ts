import type { RefusedCode, RefusedReceipt } from '@filefleet/protocol';

/** Every code that a client raises, in one place; recognise errors by it, never by text. */
export const clientErrorCodes = {
  INVALID: 'An argument is wrong; nothing was numbered or sent. `field` names it.',
  REFUSED:
    'The writer settled the operation by refusing it. `refusal` says why; asking again changes nothing.',
  NOT_YET_DURABLE:
    'Handed over, or `spooled`, but not settled in time. Do not store again: ask `client.receipt(operationId)`.',
  REDIS_UNAVAILABLE: 'Never handed over, because Redis could not take it in time. It is safe to call again.',
  OVER_BUDGET:
    'Never handed over, because there was no room in Redis for its bytes in time. It is safe to call again.',
  QUOTA: 'Never handed over, because this VM has too many operations queued. It is safe to call again.',
  SOURCE_FAILED: 'The content could not be read to its end, or was another one when read again.',
  GIVEN_UP: 'The staged bytes were lost and their stream cannot be read a second time. Store them again.',
  SPOOL_FULL: 'The spool folder, or its disk, has no room for the operation. Nothing was accepted.',
  SPOOL_FAILED: 'The spool folder could not be read or written. `cause` says why.',
  SPOOL_IN_USE:
    'The spool folder belongs to another live client; give each process one of its own, or share it.',
  UNKNOWN_OPERATION: 'Neither this client nor Redis knows the operation (any more).',
  CLIENT_CLOSED: 'The client was closed; what became of the operation is not known here.',

  // Of the reading half.
  NOT_FOUND: 'There is nothing with this id, or the token may not see it.',
  FILE_DELETED: 'The file is softly deleted; restore it first.',
  CONTENT_DAMAGED:
    'The bytes are not those of their digest, at the store or when they arrived here. None are under the path.',
  CONTENT_UNAVAILABLE: 'The store has the row of the file, but not its bytes.',
  TOO_LARGE: 'The content is larger than `maxBytes`. Download it to a path, or stream it.',
  TARGET_FAILED: 'The path could not be written. `cause` says why; nothing is left under it.',
  TOKEN_REFUSED: 'Nobody has this token, or it may not do this.',
  API_UNAVAILABLE:
    'The dashboard could not be reached, or was too busy, as often as it was asked. Ask later.',
  API_UNEXPECTED: 'What answered is not the API of a dashboard that this version understands; look at `url`.',
  TIMED_OUT: 'The deadline of the call passed before it was done.',
  ABORTED: 'The signal of the caller ended the call. `cause` is its reason.',
} as const;

export type ClientErrorCode = keyof typeof clientErrorCodes;

export interface ClientErrorFacts {
  /** The operation concerned, when one had been numbered. */
  readonly operationId?: string;
  /** INVALID: path of the wrong argument, such as `metadata.width`. */
  readonly field?: string;
  /** NOT_YET_DURABLE, CLIENT_CLOSED: whether the operation also lies in a spool folder of this machine. */
  readonly spooled?: boolean;
  /** REFUSED: the writer's code. */
  readonly refusal?: RefusedCode;
  /** REFUSED: the whole receipt; missing when only a failed job of another process told of the refusal. */
  readonly receipt?: RefusedReceipt;
  /** Reading: the status of the answer, and the code that the dashboard gave, where there was an answer. */
  readonly status?: number;
  readonly answer?: string;
  /** API_UNAVAILABLE: how long the dashboard asks to wait, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** The one error of this package. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  readonly facts: ClientErrorFacts;
  readonly operationId: string | undefined;
  readonly field: string | undefined;
  readonly spooled: boolean | undefined;
  readonly refusal: RefusedCode | undefined;
  readonly receipt: RefusedReceipt | undefined;

  constructor(code: ClientErrorCode, message: string, facts: ClientErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.facts = facts;
    this.operationId = facts.operationId;
    this.field = facts.field;
    this.spooled = facts.spooled;
    this.refusal = facts.refusal;
    this.receipt = facts.receipt;
  }
}
