// Answers that are none, as errors of ours. Texts of others are shortened, and the token is taken out of them.

import { ClientError, type ClientErrorCode, type ClientErrorFacts } from '../errors.ts';
import { problemSchema } from './answers.ts';

/** Codes of the API that say what happened, whatever the status. */
const byAnswer: Readonly<Record<string, ClientErrorCode>> = {
  NOT_FOUND: 'NOT_FOUND',
  FILE_NOT_FOUND: 'NOT_FOUND',
  FILE_DELETED: 'FILE_DELETED',
  CONTENT_DAMAGED: 'CONTENT_DAMAGED',
  CONTENT_MISSING: 'CONTENT_UNAVAILABLE',
  CONTENT_NOT_IMPORTED: 'CONTENT_UNAVAILABLE',
};

const longestMessage = 300;
const longestWaitMs = 10_000;

export interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly retryAfter: string | null;
}

/** @param token what no message may hold, should somebody send it back. */
export function problemOf({ status, body, retryAfter }: Refusal, token: string): ClientError {
  if (status >= 300 && status < 400) {
    return unexpected(
      `an answer, got a redirect (${status}); it was not followed, for the token would go with it`,
      {
        status,
      },
    );
  }
  const said = problemSchema.safeParse(jsonOf(body)).data?.error;
  const facts = said ? { status, answer: said.code } : { status };
  const text = said ? `: ${tamed(said.message, token)}` : '';
  if (said) {
    const code = byAnswer[said.code];
    if (code) return new ClientError(code, `expected an answer, got ${said.code}${text}`, facts);
    if (status === 400) {
      return new ClientError('INVALID', `expected the request to be valid, got ${said.code}${text}`, facts);
    }
  }
  if (status === 401 || status === 403) {
    return new ClientError('TOKEN_REFUSED', `expected the token to be enough, got ${status}${text}`, facts);
  }
  if (status === 429 || status >= 500) {
    const wait = Number(retryAfter ?? 0) * 1_000;
    const more = wait > 0 ? { retryAfterMs: Math.min(wait, longestWaitMs) } : {};
    return unavailable(`the dashboard to answer, got ${status}${text}`, { ...facts, ...more });
  }
  return unexpected(`the API of a dashboard, got ${status}${text}`, facts);
}

/** It may help to ask again. */
export function unavailable(what: string, facts: ClientErrorFacts = {}, cause?: unknown): ClientError {
  return new ClientError('API_UNAVAILABLE', `expected ${what}; ask again later`, facts, { cause });
}

export function unexpected(what: string, facts: ClientErrorFacts = {}, cause?: unknown): ClientError {
  return new ClientError('API_UNEXPECTED', `expected ${what}; look at url`, facts, { cause });
}

export function damaged(what: string, facts: ClientErrorFacts = {}): ClientError {
  return new ClientError('CONTENT_DAMAGED', `expected ${what}; use none of them`, facts);
}

export function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // a page of somebody in between
  }
}

function tamed(text: string, token: string): string {
  const clean = text.replaceAll(token, '[token]').replace(/\p{Cc}+/gu, ' ');
  return [...clean].slice(0, longestMessage).join('');
}
