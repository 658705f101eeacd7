// @filefleet/client: what a VM agent embeds.

export type { AppliedReceipt, Receipt, RefusedCode, RefusedReceipt, WriterState } from '@filefleet/protocol';
export type { Backpressure, BackpressureReason, OnBackpressure } from './backpressure.ts';
export { Client, createClient } from './client.ts';
export type { ClientOptions } from './client-options.ts';
export type { Clock } from './clock.ts';
export { ClientError, type ClientErrorCode, type ClientErrorFacts, clientErrorCodes } from './errors.ts';
export type { HoldRequest, OperationFields, Operator } from './operator.ts';
export {
  type AccessFacts,
  type BufferOptions,
  type ContentFacts,
  type ContentOptions,
  createReader,
  type DownloadOptions,
  type DownloadProgress,
  type FileFacts,
  type Listing,
  type ListRequest,
  type OperationFacts,
  type Page,
  type PageRequest,
  type Reader,
  type ReaderOptions,
  type ReadOptions,
  type SearchPage,
  type SearchRequest,
  type SessionFacts,
  type SessionsRequest,
} from './reading/index.ts';
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
export type { Progress } from './staged.ts';
export type { StoreResult } from './store-many.ts';
