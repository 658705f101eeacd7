// The variables of uploads over HTTP: how much, how many, and for how long.

import { limits } from '@filefleet/protocol';
import { byteCount, decimalNumber, MiB, wholeNumber } from './checks.ts';
import { defaults } from './defaults.ts';
import type { VariableFacts } from './variable-facts.ts';

/** The writer throws away what waited for it longer than an hour. */
const hourSeconds = 3_600;

export const uploadVariables = {
  FILEFLEET_UPLOAD_FILE_BYTES: byteCount(1).refine((bytes) => bytes <= limits.stagedFileBytes),
  FILEFLEET_UPLOAD_FORM_FILES: wholeNumber(1, 1_000),
  FILEFLEET_UPLOAD_TOTAL_BYTES: byteCount(1 * MiB),
  FILEFLEET_UPLOAD_TOTAL_FILES: wholeNumber(1, 100_000),
  FILEFLEET_UPLOAD_AT_ONCE: wholeNumber(1, 1_000),
  FILEFLEET_UPLOAD_WAITING: wholeNumber(0, 10_000),
  FILEFLEET_UPLOAD_WAITING_SECONDS: decimalNumber(0, 600),
  FILEFLEET_UPLOAD_STALL_SECONDS: decimalNumber(1, 600),
  FILEFLEET_UPLOAD_BODY_SECONDS: decimalNumber(30, hourSeconds),
  FILEFLEET_UPLOAD_RECEIPT_SECONDS: decimalNumber(0, 600),
};

/** What the values must be to each other. @returns what is wrong, as sentences that say what to do. */
export function uploadContradictions(config: {
  readonly uploadFileBytes: number;
  readonly uploadTotalBytes: number;
  readonly uploadFormFiles: number;
  readonly uploadTotalFiles: number;
}): string[] {
  const problems: string[] = [];
  const { uploadFileBytes, uploadTotalBytes, uploadFormFiles, uploadTotalFiles } = config;
  if (uploadFileBytes > uploadTotalBytes) {
    problems.push(
      `FILEFLEET_UPLOAD_FILE_BYTES: expected one upload to fit into what all may have, ${uploadTotalBytes} bytes, got ${uploadFileBytes}; lower it, or raise FILEFLEET_UPLOAD_TOTAL_BYTES`,
    );
  }
  if (uploadFormFiles > uploadTotalFiles) {
    problems.push(
      `FILEFLEET_UPLOAD_FORM_FILES: expected the files of a form to fit into the ${uploadTotalFiles} that all uploads may have, got ${uploadFormFiles}; lower it, or raise FILEFLEET_UPLOAD_TOTAL_FILES`,
    );
  }
  return problems;
}

export const uploadFacts: Readonly<Record<keyof typeof uploadVariables, VariableFacts>> = {
  FILEFLEET_UPLOAD_FILE_BYTES: {
    what: 'Bytes that one file may have which comes over HTTP.',
    noun: 'the bytes of an upload',
    wish: `a whole number of bytes from 1 to ${limits.stagedFileBytes}`,
    advice: 'leave it out for as much as any file of the fleet may have',
    byDefault: String(defaults.uploadFileBytes),
  },
  FILEFLEET_UPLOAD_FORM_FILES: {
    what: 'Files that people may bring at once with a form.',
    noun: 'the files of a form',
    wish: 'a whole number of files from 1 to 1000',
    advice: 'give it like 50',
    byDefault: String(defaults.uploadFormFiles),
  },
  FILEFLEET_UPLOAD_TOTAL_BYTES: {
    what: 'Bytes of all uploads together: those that come, and those that wait for the writer. Also the most of one form.',
    noun: 'the bytes of all uploads',
    wish: 'a whole number of bytes from 1048576',
    advice: 'leave room on the disk for it',
    byDefault: String(defaults.uploadTotalBytes),
  },
  FILEFLEET_UPLOAD_TOTAL_FILES: {
    what: 'Files of all uploads together.',
    noun: 'the files of all uploads',
    wish: 'a whole number of files from 1 to 100000',
    advice: 'give it like 1000',
    byDefault: String(defaults.uploadTotalFiles),
  },
  FILEFLEET_UPLOAD_AT_ONCE: {
    what: 'Uploads at the same time; others wait for a place.',
    noun: 'the uploads at once',
    wish: 'a whole number from 1 to 1000',
    advice: 'give it like 16; each may be slow',
    byDefault: String(defaults.uploadAtOnce),
  },
  FILEFLEET_UPLOAD_WAITING: {
    what: 'Uploads that may wait for a place; more are refused with 503.',
    noun: 'the uploads that wait',
    wish: 'a whole number from 0 to 10000',
    advice: 'give it like 64',
    byDefault: String(defaults.uploadWaiting),
  },
  FILEFLEET_UPLOAD_WAITING_SECONDS: {
    what: 'Seconds that an upload waits for a place.',
    noun: 'the seconds of waiting',
    wish: 'a number of seconds from 0 to 600',
    advice: 'keep it below the patience of your clients',
    byDefault: String(defaults.uploadWaitingSeconds),
  },
  FILEFLEET_UPLOAD_STALL_SECONDS: {
    what: 'Seconds after which an upload is given up of which nothing comes.',
    noun: 'the seconds of silence',
    wish: 'a number of seconds from 1 to 600',
    advice: 'give it like 30',
    byDefault: String(defaults.uploadStallSeconds),
  },
  FILEFLEET_UPLOAD_BODY_SECONDS: {
    what: 'Seconds that a whole upload may take to arrive.',
    noun: 'the seconds of an upload',
    wish: `a number of seconds from 30 to ${hourSeconds}`,
    advice: 'raise it for slow lines: 64 MiB in 600 s are 110 KB a second',
    byDefault: String(defaults.uploadBodySeconds),
  },
  FILEFLEET_UPLOAD_RECEIPT_SECONDS: {
    what: 'Seconds that an upload waits for its receipt; then the answer is 202.',
    noun: 'the seconds until the receipt',
    wish: 'a number of seconds from 0 to 600',
    advice: 'keep it below the patience of your clients',
    byDefault: String(defaults.uploadReceiptSeconds),
  },
};
