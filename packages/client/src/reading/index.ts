// @filefleet/client/reading: for agents that only read. It loads neither Redis nor the queue.

export { ClientError, type ClientErrorCode, type ClientErrorFacts, clientErrorCodes } from '../errors.ts';
export type { AccessFacts, FileFacts, OperationFacts, SessionFacts } from './answers.ts';
export type { ContentFacts } from './content.ts';
export type { ReadOptions } from './ending.ts';
export type { Listing, Page, SearchPage } from './listing.ts';
export { createReader, type Reader } from './reader.ts';
export type {
  BufferOptions,
  ContentOptions,
  DownloadOptions,
  DownloadProgress,
  ListRequest,
  PageRequest,
  SearchRequest,
  SessionsRequest,
} from './requests.ts';
export type { ReaderOptions } from './settings.ts';
