// @filefleet/client: what a VM agent embeds.

export type { AppliedReceipt, Receipt, RefusedCode, RefusedReceipt, WriterState } from '@filefleet/protocol';
export type { Backpressure, BackpressureReason, OnBackpressure } from './backpressure.ts';
export { Client, type ClientOptions, createClient } from './client.ts';
export type { Clock } from './clock.ts';
export { ClientError, type ClientErrorCode, type ClientErrorFacts, clientErrorCodes } from './errors.ts';
export type { HoldRequest, OperationFields, Operator } from './operator.ts';
export type {
  AccessEntry,
  AnnotateRequest,
  AssociationType,
  CleanupRequest,
  CopyRequest,
  DeleteRequest,
  FileRequest,
  LinkRequest,
  RenameRequest,
  RequestOptions,
  SessionRequest,
  StoreRequest,
} from './requests.ts';
export type { Content } from './source.ts';
export { listSpools, type SpooledOperation, type SpoolListing } from './spool/listing.ts';
export type { SpoolOptions } from './spool/settings.ts';
export type { SpoolStatus } from './spool/status.ts';
export type { Progress } from './stage.ts';
export type { StoreResult } from './store-many.ts';
