// @filefleet/protocol: what travels between producers and the writer. Pure: no I/O, no clock of its own.

export {
  type Answer,
  type AppliedReceipt,
  answerSchema,
  isSettled,
  type Receipt,
  type RefusedReceipt,
  type Resend,
  receiptSchema,
  replyField,
} from './answers.ts';
export {
  type Attention,
  type AttentionLevel,
  attentionOf,
  type FleetFacts,
  isWriterAlive,
  lowWaterBytes,
  type Verdict,
  verdictOf,
} from './attention.ts';
export {
  type AnswerCode,
  describeCode,
  type RefusedCode,
  type ResendCode,
  refusedCodes,
  resendCodes,
} from './codes.ts';
export { ProtocolError } from './errors.ts';
export {
  assertVmName,
  isOperationId,
  makeJobId,
  makeOperationId,
  operationIdTimeMs,
  parseJobId,
  vmNamePattern,
} from './ids.ts';
export { intentDigest } from './intent.ts';
export { jsonSchemas } from './json-schemas.ts';
export { queueName, type RedisKeys, redisKeys, redisPrefix } from './keys.ts';
export {
  latencyBetween,
  latencyBoundsMs,
  latencyBucketOf,
  latencyBuckets,
  latencyQuantile,
} from './latency.ts';
export { knownTtlMs, type Limits, ledgerRetentionMs, limits, stagedTtlMs } from './limits.ts';
export {
  acceptedVersions,
  incomingVersion,
  isOperationName,
  type Operation,
  type OperationName,
  operationNames,
  operationSchemas,
  type Payload,
  protocolVersion,
  versionOf,
} from './operations.ts';
export { parseAnswer, parseOperation } from './parse.ts';
export { type PlanKind, type PlanRequest, planLifeMs } from './plans.ts';
export {
  dropReservation,
  stagingFigures,
  stagingFunctions,
  stagingLibrary,
  stagingLibraryName,
  stagingLimitFields,
  stagingReplies,
} from './staging-library.ts';
export { visibleName, visibleText } from './visible-text.ts';
export {
  activeVmsMax,
  type VmActivity,
  type WriterState,
  writerStaleAfterMs,
  writerStateField,
  writerStateSchema,
} from './writer-state.ts';
