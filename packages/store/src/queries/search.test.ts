import { describe, expect, test } from 'vitest';
import { entry, idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { useWriterSession } from '../../../../tests/support/writer-session.ts';
import { openReader, type SearchOptions, type StoreReader } from '../index.ts';
import { searchSliceRows } from './search.ts';

const fixture = useWriterSession();
const content = { kind: 'inline', bytes: Buffer.from('x'), mimeType: null } as const;

function reading<Result>(act: (reader: StoreReader) => Result): Result {
  const reader = openReader({ dataDir: fixture.dataDir });
  try {
    return act(reader);
  } finally {
    reader.close();
  }
}

const names = (options: SearchOptions) =>
  reading((reader) => reader.searchFiles(options).matches.map(({ filename }) => filename));

describe('a search', () => {
  test('finds what holds the text and nothing else, whatever its characters mean elsewhere', () => {
    const texts = [
      '100%',
      '_',
      "it's",
      '\\',
      '*',
      '?',
      '[a]',
      '"',
      "'; DROP TABLE conversation_files; --",
      '{}',
    ];
    fixture.apply(
      storeEntry('plain', { filename: 'plain name' }),
      ...texts.map((text) => storeEntry(text, { filename: `a ${text} b` })),
    );
    const given = texts.map((text) => `a ${text} b`).reverse();
    for (const text of texts) {
      expect(names({ text })).toEqual(given.filter((name) => name.includes(text)));
    }
    expect(names({ text: '%' })).toEqual(['a 100% b']);
  });

  test('looks into keys and values of metadata, whatever the case, in any script', () => {
    fixture.apply(
      storeEntry('1', { filename: 'one', metadata: { Straße: 'x' } }),
      storeEntry('2', { filename: 'two', metadata: { city: 'ZÜRICH' } }),
      storeEntry('3', { filename: 'Ångström.txt' }),
    );
    expect(names({ text: 'zürich' })).toEqual(['two']);
    expect(names({ text: 'STRASSE' })).toEqual([]);
    expect(names({ text: 'straße' })).toEqual(['one']);
    expect(names({ text: 'a\u030angstro\u0308m'.normalize('NFD') })).toEqual(['Ångström.txt']);
  });

  test('keeps to its filters, alone and together', () => {
    const type = (mimeType: string) => ({ content: { ...content, mimeType } });
    fixture.clock.now += 1_000;
    fixture.apply(
      storeEntry('a', { filename: 'a', sessionId: 'run-1', vm: 'vm1' }, type('image/png')),
      storeEntry('b', { filename: 'b', sessionId: 'run-2', vm: 'vm2' }, type('image/svg+xml')),
      storeEntry('c', { filename: 'c', sessionId: 'other', vm: 'vm2' }, type('text/plain')),
    );
    fixture.clock.now += 1_000;
    const late = storeEntry('a', { filename: 'd', sessionId: 'run-2' });
    fixture.apply(late);
    fixture.apply(entry('file-delete', { sessionId: 'run-2', fileId: idOf(late) }));
    expect(names({ vm: 'vm2' })).toEqual(['c', 'b']);
    expect(names({ type: 'image/png' })).toEqual(['a']);
    expect(names({ type: 'image/*' })).toEqual(['b', 'a']);
    expect(names({ sessionPrefix: 'run-' })).toEqual(['b', 'a']);
    expect(names({ sessionPrefix: 'run-%' })).toEqual([]);
    expect(names({ sessionPrefix: 'run-', state: 'any' })).toEqual(['d', 'b', 'a']);
    expect(names({ sessionId: 'run-2', state: 'any' })).toEqual(['d', 'b']);
    expect(names({ state: 'deleted' })).toEqual(['d']);
    const digest = reading((reader) => reader.getFile(idOf(late))?.digest);
    expect(names({ digest: digest ?? '', state: 'any' })).toEqual(['d', 'a']);
    expect(names({ fromMs: fixture.clock.now, state: 'any' })).toEqual(['d']);
    expect(names({ untilMs: fixture.clock.now, vm: 'vm1', type: 'image/*' })).toEqual(['a']);
  });

  test('looks at a bounded number of files, says so, and is complete when followed to its end', () => {
    const total = 2 * searchSliceRows + 10;
    const entries = Array.from({ length: total }, (_, n) =>
      storeEntry('same', { filename: n % 700 === 0 ? `needle ${n}` : `hay ${n}` }),
    );
    for (let at = 0; at < total; at += 250) fixture.apply(...entries.slice(at, at + 250));
    for (const filter of [{}, { sessionId: 's1' }]) {
      const found: string[] = [];
      let [cursor, scanned]: [string | undefined, number] = [undefined, 0];
      reading((reader) => {
        do {
          const page = reader.searchFiles({
            text: 'NEEDLE',
            limit: 1,
            ...filter,
            ...(cursor ? { cursor } : {}),
          });
          expect(page.scanned).toBeLessThanOrEqual(searchSliceRows);
          found.push(...page.matches.map(({ filename }) => filename));
          scanned += page.scanned;
          cursor = page.nextCursor;
        } while (cursor);
      });
      expect(scanned).toBe(total);
      expect(found.sort()).toEqual(['needle 0', 'needle 1400', 'needle 700']);
    }
  });

  test('a cursor of another search is refused, and a failure is never an empty answer', () => {
    fixture.apply(storeEntry('1'), storeEntry('2'));
    reading((reader) => {
      const { nextCursor = '' } = reader.searchFiles({ limit: 1 });
      expect(nextCursor).not.toBe('');
      for (const cursor of [`${nextCursor}x`, 'x', '']) {
        expect(() => reader.searchFiles({ limit: 1, cursor })).toThrow(
          expect.objectContaining({ code: 'CURSOR_INVALID' }),
        );
      }
      expect(() => reader.searchFiles({ limit: 1, vm: 'vm1', cursor: nextCursor })).toThrow(
        expect.objectContaining({ code: 'CURSOR_INVALID' }),
      );
      expect(reader.searchFiles({ limit: 1, cursor: nextCursor }).matches).toHaveLength(1);
    });
    fixture.tamper('ALTER TABLE file_metadata RENAME TO gone');
    reading((reader) => expect(() => reader.searchFiles({ text: 'x' })).toThrow(/no such table/));
  });
});
