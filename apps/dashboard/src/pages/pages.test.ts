import { expect, test } from 'vitest';
import type { FleetState, WriterSummary } from '../fleet-state.ts';
import { html } from './html.ts';
import { loginPage } from './login-page.ts';
import { type OverviewFacts, overviewPage } from './overview-page.ts';
import { age } from './show.ts';

const hostile = `"><script>alert('x')</script>&`;

const writer: WriterSummary = {
  alive: true,
  epoch: 7,
  phase: 'running',
  heartbeatAgeMs: 900,
  pressure: 'none',
  schemaVersion: '002',
  startedAtMs: 0,
  lastCommitAtMs: 5_000,
  commitSequence: 12,
  settled: { applied: 1_234, refused: 5, resend: 0, quarantined: 1 },
};

const facts: OverviewFacts = {
  person: { name: 'vera', role: 'viewer' },
  csrfToken: 'token',
  state: { redis: 'up', writer },
  counts: { waiting: 3, active: 0, delayed: 0, completed: 1_000, failed: 2 },
  nowMs: 65_000,
};

function overviewOf(state: FleetState): string {
  return overviewPage({ ...facts, state });
}

test('a value never becomes markup, wherever it stands', () => {
  expect(html`<p title="${hostile}">${hostile}</p>`.toString()).not.toMatch(/<script|"">/);
  const pages = [
    loginPage({ csrfToken: hostile, next: hostile, problem: hostile }),
    overviewPage({
      ...facts,
      csrfToken: hostile,
      state: { redis: 'up', writer: { ...writer, schemaVersion: hostile } },
    }),
  ];
  for (const page of pages) expect(page).not.toMatch(/<script(?! (?:defer|type="module") src="\/assets\/)/);
});

test('HTML made by the tag goes in as it is, lists too, and nothing as nothing', () => {
  const items = ['a', '<b>'].map((text) => html`<li>${text}</li>`);
  expect(html`<ul>${items}${undefined}${null}${false}</ul>`.toString()).toBe(
    '<ul><li>a</li><li>&lt;b&gt;</li></ul>',
  );
});

test('the overview says in one sentence how the fleet is', () => {
  expect(overviewOf({ redis: 'up', writer })).toContain('All is well.');
  expect(overviewOf({ redis: 'down', writer: null })).toContain('Redis cannot be reached.');
  expect(overviewOf({ redis: 'up', writer: null })).toContain('No writer has reported yet.');
  expect(overviewOf({ redis: 'up', writer: { ...writer, alive: false } })).toContain(
    'The writer is not running.',
  );
  expect(overviewOf({ redis: 'up', writer: { ...writer, pressure: 'disk' } })).toContain('short of disk');
});

test('only who may act is shown the way to act', () => {
  expect(overviewPage(facts)).not.toContain('/queues/manage');
  expect(overviewPage({ ...facts, person: { name: 'otto', role: 'operator' } })).toContain('/queues/manage');
});

test.each([
  [-5, '0 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 days'],
])('%d ms reads as %s', (ms, text) => {
  expect(age(ms)).toBe(text);
});
