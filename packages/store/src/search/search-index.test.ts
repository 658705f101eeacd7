// The index against a walk over everything: whatever was stored, renamed, annotated, deleted and purged, however far the index
// has come, a search finds exactly what holds its text.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openRaw } from '../../../../tests/support/data-folder.ts';
import { isFull } from '../../../../tests/support/full-forms.ts';
import { entry, idOf, type OperationEntry, storeEntry } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';
import { databasePath, openReader, type SearchOptions } from '../index.ts';
import { matchOf } from './text.ts';

const fixture = useWriterSession();

/** Follows a search to its end, in pages of some length. */
function search(options: SearchOptions): { names: string[]; scanned: number } {
  const reader = openReader({ dataDir: fixture.dataDir });
  try {
    const names: string[] = [];
    let scanned = 0;
    for (let place: { cursor?: string } | undefined = {}; place; ) {
      const { matches, nextCursor, ...slice } = reader.searchFiles({ ...options, ...place });
      names.push(...matches.map(({ filename }) => filename));
      scanned += slice.scanned;
      place = nextCursor === undefined ? undefined : { cursor: nextCursor };
    }
    return { names, scanned };
  } finally {
    reader.close();
  }
}

/** At most so many slices, or until there is nothing more to do. */
function fill(slices = Number.POSITIVE_INFINITY): void {
  for (let n = 0; n < slices && fixture.session.maintain({ kind: 'search' }).more; n++);
}

const folded = (text: string) => text.normalize('NFC').toLowerCase();

/** What a search has to find, from the rows alone. */
function expected(text: string, state: 'active' | 'any'): string[] {
  const rows = fixture.look
    .prepare(`SELECT f.original_filename AS name, (SELECT json_group_array(json_array(metadata_key, metadata_value))
        FROM file_metadata m WHERE m.file_id = f.file_id) AS metadata
      FROM conversation_files f WHERE ? OR is_deleted = 0 ORDER BY f.rowid DESC`)
    .all(state === 'any' ? 1 : 0) as { name: string; metadata: string }[];
  const holds = (field: string) => folded(field).includes(folded(text));
  return rows
    .filter(({ name, metadata }) => [name, ...(JSON.parse(metadata) as string[][]).flat()].some(holds))
    .map(({ name }) => name);
}

// Few letters, so that texts meet; and what means something to SQL, to FTS5 or to the index.
const letters = fc.constantFrom(
  ...[
    'a',
    'B',
    'ab',
    'σ',
    'Σ',
    'İ',
    'e\u0301',
    'é',
    'ß',
    '会',
    '議',
    '資料',
    '한',
    '👩‍👧',
    '\u0001',
    '\u0002',
    ' ',
  ],
  ...[
    '"',
    "'",
    '*',
    '(',
    ')',
    ':',
    '-',
    '^',
    '+',
    '%',
    '_',
    '\\',
    ' AND ',
    ' OR ',
    ' NOT ',
    'NEAR(',
    'text:',
    '{',
    '.',
  ],
);
const texts = fc.array(letters, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));
/** Names and keys have no control characters; metadata may. */
const names = texts.map((text) => text.replace(/\p{Cc}/gu, '').trim() || 'x');

type Act = { kind: string; name: string; key: string; value: string; pick: number };
const acts = fc.array(
  fc.record({
    kind: fc.constantFrom(
      'store',
      'store',
      'store',
      'rename',
      'annotate',
      'delete',
      'purge',
      'purge-last',
      'fill',
      'fill',
    ),
    name: names,
    key: names,
    value: texts,
    pick: fc.nat(1_000),
  }),
  { minLength: 1, maxLength: 25 },
);

/** Keeps a list of files that are there, as a client would. */
function play(list: readonly Act[], files: string[]): void {
  for (const { kind, name, key, value, pick } of list) {
    const at = kind === 'purge-last' ? files.length - 1 : pick % Math.max(1, files.length);
    const fileId = files[at];
    const of = { sessionId: 's1', fileId };
    if (kind === 'store') apply(storeEntry(`${pick}`, { filename: name, metadata: { [key]: value } }), files);
    else if (kind === 'fill') fill(pick % 4);
    else if (fileId === undefined) continue;
    else if (kind === 'rename') apply(entry('file-rename', { ...of, filename: name }));
    else if (kind === 'annotate')
      apply(entry('file-annotate', { ...of, metadata: { [key]: pick % 3 ? value : null } }));
    else if (kind === 'delete') apply(entry('file-delete', of));
    else {
      apply(entry('file-purge', of));
      files.splice(at, 1);
    }
  }
}

function apply(made: OperationEntry, files?: string[]): void {
  fixture.apply(made);
  files?.push(idOf(made));
}

describe('the index', () => {
  test(
    'finds what a walk finds, in the same order, page by page, whatever happened and however far it is',
    () => {
      const files: string[] = [];
      let found = 0;
      fc.assert(
        fc.property(
          acts,
          fc.array(texts, { maxLength: 6 }),
          fc.integer({ min: 1, max: 5 }),
          (list, wanted, limit) => {
            play(list, files);
            // What was given last is what the index may not have heard of.
            const given = list.flatMap(({ name, key, value }) => [name, key, value]);
            for (const text of new Set([...wanted, ...given])) {
              for (const state of ['active', 'any'] as const) {
                const { names: got } = search({ text, state, limit });
                expect(got).toEqual(expected(text, state));
                found += got.length;
              }
            }
          },
        ),
        { numRuns: isFull ? 150 : 12 },
      );
      expect(found).toBeGreaterThan(10);
      fill();
      expect(fixture.count('search_notes')).toBe(0);
    },
    isFull ? 300_000 : 60_000,
  );

  test('rules files out: once it is filled, only what may hold the text is looked at', () => {
    const entries = Array.from({ length: 600 }, (_, n) =>
      storeEntry('same', {
        filename: n % 200 === 0 ? `Needle-${n}` : `hay ${n}`,
        metadata: { 会議: `${n}` },
      }),
    );
    fixture.apply(...entries.slice(0, 300));
    fixture.apply(...entries.slice(300));
    expect(search({ text: 'NEEDLE' }).scanned).toBe(600);
    fill();
    expect(search({ text: 'NEEDLE' })).toEqual({
      names: ['Needle-400', 'Needle-200', 'Needle-0'],
      scanned: 3,
    });
    expect(search({ text: 'no such text' })).toEqual({ names: [], scanned: 0 });
    expect(search({ text: '議会' })).toEqual({ names: [], scanned: 0 });
    expect(search({ text: '会議', limit: 500 }).names).toHaveLength(600);
    fixture.apply(storeEntry('same', { filename: 'needle of late' }));
    expect(search({ text: 'needle' })).toMatchObject({ scanned: 4 });
  });

  test('finds a file under a row number that another one had', () => {
    const store = (name: string) => {
      const made = storeEntry('same', { filename: name });
      fixture.apply(made);
      return idOf(made);
    };
    const purge = (fileId: string) => void fixture.apply(entry('file-purge', { sessionId: 's1', fileId }));
    const [, second, third] = [store('first'), store('second'), store('third')];
    fill();
    purge(second ?? '');
    fill();
    purge(third ?? '');
    store('fourth');
    expect(fixture.row("SELECT rowid FROM conversation_files WHERE original_filename = 'fourth'")).toEqual({
      rowid: 2,
    });
    expect(search({ text: 'fourth' }).names).toEqual(['fourth']);
    fill();
    expect(search({ text: 'fourth' })).toEqual({ names: ['fourth'], scanned: 1 });
    expect(search({ text: 'third' })).toEqual({ names: [], scanned: 0 });
  });

  test('a store and a soft deletion write nothing to it', () => {
    const stored = storeEntry('one', { metadata: { key: 'value' } });
    fixture.apply(stored);
    fill();
    const tables = [
      'search_notes',
      'search_state',
      'file_search_data',
      'file_search_docsize',
      'file_search_idx',
    ];
    const look = () => tables.map((table) => fixture.look.prepare(`SELECT * FROM ${table}`).all());
    const before = look();
    fixture.apply(storeEntry('two', { metadata: { key: 'value' } }));
    fixture.apply(entry('file-delete', { sessionId: 's1', fileId: idOf(stored) }));
    expect(look()).toEqual(before);
  });

  test('a slice that finds nothing to do is no commit', () => {
    fixture.apply(storeEntry('one'));
    fill();
    const before = fixture.row('SELECT * FROM commit_state');
    fill();
    expect(fixture.row('SELECT * FROM commit_state')).toEqual(before);
  });

  test('many small slices end in few segments', () => {
    for (let n = 0; n < 60; n++) {
      fixture.apply(storeEntry('same', { filename: `file ${n}` }));
      fixture.session.maintain({ kind: 'search' });
    }
    fill();
    expect(fixture.column('SELECT DISTINCT segid FROM file_search_idx').length).toBeLessThan(16);
    expect(search({ text: 'file 59' }).names).toEqual(['file 59']);
  });

  test('an index that cannot be read is an error, never an empty answer', () => {
    fixture.apply(storeEntry('one', { filename: 'needle' }));
    fill();
    const db = openRaw(databasePath(fixture.dataDir));
    db.unsafeMode();
    expect(
      db.prepare("UPDATE file_search_data SET block = x'00' WHERE id > 10").run().changes,
    ).toBeGreaterThan(0);
    expect(() => search({ text: 'needle' })).toThrow(expect.objectContaining({ code: 'DATABASE_CORRUPT' }));
  });
});

describe('what the index is asked', () => {
  test('is made of quoted trigrams alone, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(texts, fc.string({ unit: 'binary' })), (text) => {
        const match = matchOf(text) ?? '"abc"';
        expect(match).toMatch(/^"(?:[^"]|"")+"(?: AND "(?:[^"]|"")+")*$/su);
        fixture.look.prepare('SELECT rowid FROM file_search WHERE file_search MATCH ?').all(match);
      }),
    );
  });
});
