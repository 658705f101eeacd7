// Random steps. A step is drawn as numbers and becomes concrete against the model as it is then, so that most of what is
// asked for makes sense, whatever was left out before when a failing run is made smaller.

import { makeOperationId, type PlanRequest } from '@filefleet/protocol';
import fc from 'fast-check';
import { type Asked, dayMs, type Model, pool } from './model.ts';

/** A drawn operation: which, and three numbers for whatever has to be chosen. */
export interface Drawn {
  readonly what: (typeof operations)[number];
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

export type Step =
  | { readonly kind: 'group'; readonly drawn: readonly Drawn[]; readonly crash: CrashPoint | null }
  | { readonly kind: 'repeat' }
  | { readonly kind: 'plans' | 'retention'; readonly crash: CrashPoint | null }
  | { readonly kind: 'sweep'; readonly graceMs: number; readonly crash: CrashPoint | null }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'damage' | 'heal'; readonly a: number }
  | { readonly kind: 'prune' | 'kill' };

/** Where the process dies: with nothing written, with all of it applied and not committed, right after the COMMIT. */
export type CrashPoint = 'begun' | 'applied' | 'committed';

const weighted = {
  store: 26,
  'store-known': 3,
  rename: 8,
  annotate: 7,
  link: 5,
  copy: 6,
  delete: 10,
  restore: 7,
  purge: 7,
  end: 5,
  'cleanup-soft': 2,
  'restore-all': 2,
  'cleanup-hard': 2,
  hold: 1,
  release: 3,
  plan: 8,
  apply: 9,
} as const;
const operations = Object.entries(weighted).flatMap(([what, weight]) =>
  Array.from({ length: weight }, () => what as keyof typeof weighted),
);

const number = fc.nat(1_000);
const drawn = fc.record({ what: fc.constantFrom(...operations), a: number, b: number, c: number });
const crash = fc.oneof(
  { weight: 149, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom<CrashPoint>('begun', 'applied', 'committed') },
);
const spans = [0, 60_000, 3_600_000, dayMs, 30 * dayMs];

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      kind: fc.constant('group' as const),
      drawn: fc.array(drawn, { minLength: 1, maxLength: 6 }),
      crash,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('repeat' as const) }) },
  {
    weight: 10,
    arbitrary: fc.record({ kind: fc.constantFrom('plans' as const, 'retention' as const), crash }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('sweep' as const), graceMs: fc.constantFrom(...spans), crash }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(...spans) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('damage' as const, 'heal' as const), a: number }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: 'prune' }, { kind: 'prune' }, { kind: 'kill' }) },
);

const sessions = ['s1', 's2', 's3', 's4'];
const vms = ['vm1', 'vm2', 'vm4', 'vm5'];
const names = ['a.txt', 'b.txt', 'ü.png'];
const messages = [undefined, 'm1', 'm2'];
const values = ['1', '2', null];
/** With more files than these, a store becomes a purge of a session: a small world meets itself more often. */
const enoughFiles = 50;

const pick = <T>(all: readonly T[], n: number): T => all[n % all.length] as T;

/** What is asked for, given what there is. */
export function resolve(model: Model, drawnOne: Drawn, nowMs: number): Asked {
  const { a, b, c } = drawnOne;
  const what = drawnOne.what === 'store' && model.files.size > enoughFiles ? 'cleanup-hard' : drawnOne.what;
  const files = [...model.files.values()];
  const file = files[a % Math.max(1, files.length)];
  // Now and then another session than the file's asks: then the file counts as not there.
  const ofFile = {
    fileId: file?.fileId ?? makeOperationId(nowMs),
    sessionId: b % 12 === 0 ? pick(sessions, c) : (file?.sessionId ?? 's1'),
  };
  const elsewhere = { ...ofFile, ...(b % 3 === 0 ? {} : { toSessionId: pick(sessions, b) }) };
  const ofSession = { sessionId: pick(sessions, a) };
  const asked = (name: string, fields: Asked['fields'], more: Partial<Asked> = {}): Asked => ({
    name,
    operationId: makeOperationId(nowMs),
    vm: pick(vms, c),
    fields,
    ...more,
  });
  switch (what) {
    case 'store':
    case 'store-known': {
      const { digest, bytes } = pick(pool, a);
      const isKnown = what === 'store-known';
      const content = isKnown ? { from: 'known' } : { from: 'staged', chunks: bytes.length > 0 ? 1 : 0 };
      const messageId = pick(messages, c);
      const fields = {
        sessionId: pick(sessions, b),
        filename: pick(names, c),
        digest,
        size: bytes.length,
        content,
        ...(messageId ? { messageId } : {}),
        ...(a % 2 ? { metadata: { k: String(b), l: String(c) } } : {}),
      };
      return asked('file-store', fields, { withBytes: !isKnown });
    }
    case 'rename':
      return asked('file-rename', { ...ofFile, filename: pick(names, c) });
    case 'annotate':
      return asked('file-annotate', { ...ofFile, metadata: { [pick(['k', 'l', 'm'], c)]: pick(values, b) } });
    case 'link': {
      const messageId = pick(messages, c);
      return asked('file-link', { ...elsewhere, ...(messageId ? { messageId } : {}) });
    }
    case 'copy':
      return asked('file-copy', elsewhere);
    case 'delete':
    case 'restore':
    case 'purge':
      return asked(`file-${what}`, ofFile);
    case 'end':
      return asked('session-end', ofSession);
    case 'cleanup-soft':
      return asked('session-cleanup', { ...ofSession, mode: 'soft' });
    case 'cleanup-hard':
      return asked('session-cleanup', { ...ofSession, mode: 'hard' });
    case 'restore-all':
      return asked('session-restore', ofSession);
    case 'hold':
    case 'release':
      return asked('session-hold', { ...ofSession, hold: what === 'hold' });
    case 'plan':
      return asked('plan-make', { plan: planOf(model, drawnOne, nowMs) });
    case 'apply': {
      const plans = [...model.plans.values()].filter(({ state }) => state === 'ready');
      // Mostly the last one: older ones are stale more often than not.
      const plan = plans.at(a % 4 === 0 ? -2 : -1);
      return asked('plan-apply', { planId: plan?.planId ?? makeOperationId(nowMs) });
    }
  }
}

function planOf(model: Model, { a, b, c }: Drawn, nowMs: number): PlanRequest {
  const named = b % 2 ? { sessionId: pick(sessions, c) } : {};
  const span = pick(spans, c);
  switch (a % 9) {
    case 0:
    case 1:
      return { kind: 'cleanup', mode: 'soft', ...named };
    case 2:
    case 3:
      return { kind: 'cleanup', mode: 'hard', ...named };
    case 4:
      return { kind: 'purge', sessionId: pick(sessions, c) };
    case 5: {
      const fileIds = [...model.files.keys()].filter((_, n) => (n + b) % 3 === 0);
      return { kind: 'purge', fileIds: fileIds.length > 0 ? fileIds : [makeOperationId(nowMs)] };
    }
    case 6:
      return { kind: 'purge', ...named, deletedBeforeMs: nowMs - span };
    case 7:
      return { kind: 'sweep', ...(b % 4 ? { graceMs: span } : {}) };
    default:
      if (b % 2)
        return {
          kind: 'retention',
          sessionId: pick(sessions, c),
          [b % 4 === 1 ? 'softAfterMs' : 'purgeAfterMs']: b % 3 ? span : null,
        };
      return {
        kind: 'retention',
        ...(b % 4 ? { softAfterMs: span, purgeAfterMs: span } : { idleAfterMs: c % 2 ? span + 1 : null }),
      };
  }
}
