// The one table of codes that travel in answers. Codes of local errors (a lock, a damaged schema, a closed
// client) belong to the package that raises them.

/** Settled answers with `outcome: 'refused'`: kept in the ledger, repeated for ever. */
export const refusedCodes = {
  PAYLOAD_INVALID: 'The payload does not match the schema of its operation.',
  VERSION_UNSUPPORTED:
    'The payload has a version that this writer does not accept; upgrade the writer first.',
  OPERATION_UNKNOWN: 'No operation has this name.',
  CONFLICT: 'This operation id was already used for another intent; use a new operation id.',
  FILE_NOT_FOUND: 'No file with this id is in this session.',
  FILE_DELETED: 'The file is deleted; restore it first.',
  FILE_ID_TAKEN: 'A file with this id exists already; use a new operation id.',
  STAGE_DAMAGED: 'The staged bytes were damaged three times in a row.',
  GIVEN_UP: 'The producer gave this operation up: a later one of its session has been settled.',
  RECEIPT_EXPIRED: 'The receipt is older than the ledger keeps; the operation is not executed again.',
  SESSION_HELD: 'The session is held: nothing of it may be purged; release the hold first.',
  PLAN_UNKNOWN: 'No plan has this id (any more); make a new one.',
  PLAN_NOT_READY: 'The plan is still being made, or was applied already; look at its state.',
  PLAN_EXPIRED: 'The plan is older than an hour; make a new one.',
  NOT_LISTED:
    'No dead letter, and no job in quarantine, has this id (any more): it was retried or dismissed before.',
  BYTES_GONE:
    'The bytes of the refused operation are not kept (any more); its producer has to store them again.',
  EXECUTION_FAILED: 'The operation could not be executed; its neighbours were not affected.',
} as const;

/** Unsettled answers, `outcome: 'resend'`: no effect, no ledger row; the same operation id is sent again. */
export const resendCodes = {
  CONTENT_MISSING: 'The writer does not hold bytes of this digest (any more); stage them.',
  STAGE_MISSING: 'Staged chunks are missing; stage them again.',
  STAGE_EXPIRED: 'Staged chunks outlived their TTL; stage them again.',
  STAGE_UNRESERVED:
    'The bytes were staged past the budget, without a reservation; reserve, then stage again.',
  STAGE_DAMAGED: 'The staged bytes do not have the promised size and digest; stage them again.',
  OUT_OF_ORDER: 'An earlier operation of this producer and session has not been settled yet.',
} as const;

export type RefusedCode = keyof typeof refusedCodes;
export type ResendCode = keyof typeof resendCodes;
export type AnswerCode = RefusedCode | ResendCode;

/** What a code means, in one English sentence. */
export function describeCode(code: AnswerCode): string {
  return code in refusedCodes ? refusedCodes[code as RefusedCode] : resendCodes[code as ResendCode];
}
