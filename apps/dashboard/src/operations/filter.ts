// What somebody looks for among refused operations: from an address or a form to a filter of the store, and back. Pure.

import type { RefusedFilter } from '@filefleet/store';

export type Tab = 'refused' | 'quarantine';

/** As the form has it; empty texts do not narrow. Dates are days in UTC. */
export interface FilterFields {
  readonly code: string;
  readonly vm: string;
  readonly name: string;
  readonly session: string;
  readonly from: string;
  readonly until: string;
}

export interface Asked {
  readonly tab: Tab;
  readonly fields: FilterFields;
  readonly filter: RefusedFilter;
}

const dayMs = 24 * 3_600_000;
const names = ['code', 'vm', 'name', 'session', 'from', 'until'] as const;

/** What cannot be read does not narrow, and the form shows it empty. */
export function readAsked(given: Readonly<Record<string, unknown>>): Asked {
  const text = (name: string) => (typeof given[name] === 'string' ? (given[name] as string).trim() : '');
  const day = (name: string) => (Number.isNaN(dayOf(text(name))) ? '' : text(name));
  const fields = {
    code: text('code').slice(0, 64),
    vm: text('vm').slice(0, 32),
    name: text('name').slice(0, 100),
    session: text('session').slice(0, 128),
    from: day('from'),
    until: day('until'),
  };
  return { tab: text('tab') === 'quarantine' ? 'quarantine' : 'refused', fields, filter: filterOf(fields) };
}

function filterOf({ code, vm, name, session, from, until }: FilterFields): RefusedFilter {
  return {
    ...(code !== '' && { code }),
    ...(vm !== '' && { vm }),
    ...(name !== '' && { name }),
    ...(session !== '' && { sessionPrefix: session }),
    ...(from !== '' && { fromMs: dayOf(from) }),
    ...(until !== '' && { untilMs: dayOf(until) + dayMs - 1 }),
  };
}

const dayOf = (text: string): number =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;

/** The fields that narrow, as pairs for an address or hidden inputs. */
export function pairsOf({ tab, fields }: Asked): [string, string][] {
  const narrowing = names.flatMap((name): [string, string][] =>
    fields[name] === '' ? [] : [[name, fields[name]]],
  );
  return tab === 'refused' ? narrowing : [['tab', tab], ...narrowing];
}

export function askedUrl(asked: Asked, more: readonly (readonly [string, string])[] = []): string {
  const query = new URLSearchParams([
    ...pairsOf(asked),
    ...more.map(([a, b]) => [a, b] as [string, string]),
  ]).toString();
  return query === '' ? '/operations' : `/operations?${query}`;
}

/** In words: "of vm5 with FILE_NOT_FOUND". */
export function describeFilter({ code, vm, name, session, from, until }: FilterFields): string {
  const parts = [
    name && `named ${name}`,
    vm && `of ${vm}`,
    session && `in sessions that begin with ${session}`,
    code && `with ${code}`,
    from && `from ${from}`,
    until && `until ${until}`,
  ].filter((part) => part !== '');
  return parts.join(', ');
}
