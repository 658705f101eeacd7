// What the form of the Files page asks for, read from the address. Anybody may type an address, so everything is checked,
// and what cannot be read is said beside its field instead of being left out silently.

import type { SearchFilter } from '@filefleet/store';

/** As the fields of the form hold it; an empty text: not asked for. */
export interface ListFields {
  readonly q: string;
  readonly session: string;
  readonly vm: string;
  readonly type: string;
  readonly state: ListState;
  readonly from: string;
  readonly until: string;
}

export const listStates = ['live', 'deleted', 'any', 'damaged', 'missing'] as const;
export type ListState = (typeof listStates)[number];

export interface ListQuery {
  readonly fields: ListFields;
  readonly cursor: string | undefined;
  /** By the name of the field: what is wrong, and what would be right. */
  readonly problems: Readonly<Partial<Record<keyof ListFields, string>>>;
  readonly filter: SearchFilter;
  /** Set for files whose bytes are not there as they were stored. */
  readonly content?: 'damaged' | 'missing';
}

const longest = { q: 256, session: 128, vm: 32, type: 128, from: 16, until: 16, cursor: 4_096 };
const vmPattern = /^[a-z][a-z0-9]{0,31}$/;
const typePattern = /^[\w.+-]+\/(\*|[\w.+-]+)$/;
const timePattern = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::\d{2})?)?$/;
const dayMs = 86_400_000;
const minuteMs = 60_000;

/**
 * @param raw the query of the address.
 * @param isSession whether a session has exactly this id; any other text is taken for the beginning of ids.
 */
export function readListQuery(
  raw: Readonly<Record<string, unknown>>,
  isSession: (id: string) => boolean,
): ListQuery {
  const fields = readFields(raw);
  const problems: Partial<Record<keyof ListFields, string>> = {};
  const state = fields.state;
  const content = state === 'damaged' || state === 'missing' ? state : undefined;
  const filter: Record<string, string | number> = { state: searchStates[state] };
  if (fields.q !== '') filter.text = fields.q;
  if (fields.session !== '')
    filter[isSession(fields.session) ? 'sessionId' : 'sessionPrefix'] = fields.session;
  if (vmPattern.test(fields.vm)) filter.vm = fields.vm;
  else if (fields.vm !== '') problems.vm = 'A VM has a name such as vm5.';
  if (typePattern.test(fields.type)) filter.type = fields.type;
  else if (fields.type !== '') problems.type = 'A type looks like image/png, or image/* for all images.';
  const [fromMs, untilMs] = [timeOf(fields.from), timeOf(fields.until)];
  if (fromMs !== undefined) filter.fromMs = fromMs.startMs;
  else if (fields.from !== '') problems.from = notATime;
  if (untilMs !== undefined) filter.untilMs = untilMs.endMs;
  else if (fields.until !== '') problems.until = notATime;
  if (fromMs && untilMs && untilMs.endMs <= fromMs.startMs) problems.until = 'This is before the beginning.';
  const cursor = textOf(raw.cursor).slice(0, longest.cursor);
  return {
    fields,
    cursor: cursor === '' ? undefined : cursor,
    problems,
    filter: filter as SearchFilter,
    ...(content && { content }),
  };
}

/** The address of the same question, from another place on. */
export function listUrl(fields: Partial<ListFields>, cursor?: string): string {
  const asked = Object.entries({ ...fields, ...(cursor !== undefined && { cursor }) });
  const given = asked.filter(([name, value]) => value !== '' && !(name === 'state' && value === 'live'));
  const query = new URLSearchParams(given as [string, string][]).toString();
  return query === '' ? '/files' : `/files?${query}`;
}

const searchStates: Readonly<Record<ListState, 'active' | 'deleted' | 'any'>> = {
  live: 'active',
  deleted: 'deleted',
  any: 'any',
  damaged: 'any',
  missing: 'any',
};

const notATime = 'A time looks like 2026-01-31, or 2026-01-31T14:30, in UTC.';

function readFields(raw: Readonly<Record<string, unknown>>): ListFields {
  const text = (name: Exclude<keyof ListFields, 'state'>) => textOf(raw[name]).trim().slice(0, longest[name]);
  const state = listStates.find((one) => one === raw.state) ?? 'live';
  return {
    q: text('q'),
    session: text('session'),
    vm: text('vm'),
    type: text('type').toLowerCase(),
    state,
    from: text('from'),
    until: text('until'),
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** A day, or a minute, in UTC: when it begins, and when it is over. */
function timeOf(text: string): { startMs: number; endMs: number } | undefined {
  const match = timePattern.exec(text);
  if (!match) return undefined;
  const startMs = Date.parse(`${match[1]}T${match[2] ?? '00:00'}:00Z`);
  if (!Number.isFinite(startMs)) return undefined;
  return { startMs, endMs: startMs + (match[2] === undefined ? dayMs : minuteMs) };
}
