// Bytes that change on the disk: every kind of damage to every kind of content, and to pages of the database. What is damaged
// is found by the step for it, and never served. `FAULTS_FULL=1` tries many more.

import {
  appendFileSync,
  cpSync,
  globSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import {
  ContentDesk,
  databasePath,
  isStoreError,
  openReader,
  verifyStore,
  WriterSession,
} from '@filefleet/store';
import SQLite from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import { makeFolder } from '../support/data-folder.ts';
import { isFull } from '../support/full-forms.ts';
import { idOf, sha256, storeEntry } from '../support/operations.ts';

const [contents, pages] = isFull ? [200, 150] : [16, 24];
const clock = { now: Date.UTC(2026, 0, 1), nowMs: () => clock.now };

let dataDir: string;
/** What every file holds. */
let texts: Map<string, string>;

/** Half of the contents are rows, the others files. */
beforeEach(async () => {
  dataDir = makeFolder();
  texts = new Map();
  const session = await WriterSession.open({ dataDir, clock });
  const desk = new ContentDesk(dataDir, session.epoch);
  for (let n = 0; n < contents; n++) {
    const text = `${n} `.repeat(n % 2 ? 200 : 20_000);
    const made = n % 2 ? storeEntry(text) : storeEntry(text, {}, { content: await fileOf(desk, text) });
    session.apply([made]);
    texts.set(idOf(made), text);
  }
  desk.close();
  session.close();
});

async function fileOf(desk: ContentDesk, text: string) {
  const draft = await desk.beginBlob();
  await draft.write(Buffer.from(text));
  return { kind: 'file', name: await draft.keep(sha256(text)), mimeType: null } as const;
}

/** Which steps found something, with how much. */
async function findings(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for await (const { name, faultCount } of verifyStore({ dataDir, deep: true, clock }))
    if (faultCount > 0) found[name] = faultCount;
  return found;
}

/** Reads all files. @returns how many came whole. @throws when one came with other bytes, or without a typed error */
async function readAll(): Promise<number> {
  let whole = 0;
  const reader = openReader({ dataDir });
  try {
    for (const [fileId, text] of texts) {
      try {
        const { stream } = await reader.openContent(fileId);
        expect((await buffer(stream)).toString() === text, 'other bytes were served').toBe(true);
        whole += 1;
      } catch (error) {
        if (!isStoreError(error)) throw error;
        expect(error.code).toMatch(/^(CONTENT_|DATABASE_CORRUPT|FILE_NOT_FOUND)/);
      }
    }
  } finally {
    reader.close();
  }
  return whole;
}

/** Length of bytes that are damaged by n: somewhere else each time. */
const somewhere = (length: number, n: number): number => (n * 7_919) % length;

function flipped(bytes: Buffer, n: number): Buffer {
  const at = somewhere(bytes.length, n);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (n % 8));
  return bytes;
}

describe('a content that is', () => {
  /** What is done to the bytes of each content, and which steps find it. */
  const damages: Record<string, [change: (bytes: Buffer, n: number) => Buffer, steps: readonly string[]]> = {
    'flipped by a bit': [flipped, ['digests']],
    'cut short': [(bytes, n) => bytes.subarray(0, somewhere(bytes.length, n)), ['sizes', 'digests']],
    longer: [(bytes) => Buffer.concat([bytes, Buffer.from('x')]), ['sizes', 'digests']],
    zeros: [(bytes) => Buffer.alloc(bytes.length), ['digests']],
  };

  test.each(Object.keys(damages))('%s is found, each of them, and none is served', async (what) => {
    const [change, steps] = damages[what] ?? [flipped, []];
    expect(await readAll()).toBe(contents);
    const files = globSync(join(dataDir, 'blobs', '*', '*.*'));
    expect(files).toHaveLength(contents / 2);
    for (const [n, path] of files.entries()) writeFileSync(path, change(readFileSync(path), n));
    const db = new SQLite(databasePath(dataDir));
    const rows = db
      .prepare<[], { id: number; bytes: Buffer }>('SELECT blob_id AS id, bytes FROM blob_bytes')
      .all();
    for (const { id, bytes } of rows)
      db.prepare('UPDATE blob_bytes SET bytes = ? WHERE blob_id = ?').run(change(bytes, id), id);
    db.close();
    expect(await findings()).toEqual(Object.fromEntries(steps.map((step) => [step, contents])));
    expect(await readAll()).toBe(0);
  });
});

describe('pages of the database that are', () => {
  const pageSize = 4_096;
  /** What is done to one page. */
  const damages: Record<string, (page: Buffer, n: number) => Buffer> = {
    'flipped by a byte': (page, n) => {
      const at = somewhere(page.length, n);
      page[at] = (page[at] ?? 0) ^ 0xff;
      return page;
    },
    zeros: (page) => page.fill(0),
    'full of ones': (page) => page.fill(0xff),
  };

  test.each(Object.keys(damages))(
    '%s never make other bytes be served; those that hold rows are found',
    async (what) => {
      const path = databasePath(dataDir);
      const pristine = readFileSync(path);
      const count = pristine.length / pageSize;
      let found = 0;
      for (let n = 0; n < pages; n++) {
        const page = 1 + somewhere(count - 1, n + 1); // the first one is the header: opening refuses it
        const bytes = Buffer.from(pristine);
        damages[what]?.(bytes.subarray(page * pageSize, (page + 1) * pageSize), n);
        writeFileSync(path, bytes);
        rmSync(`${path}-wal`, { force: true });
        rmSync(`${path}-shm`, { force: true });
        found += (await isFound()) ? 1 : 0;
      }
      // A byte in the unused room of a page harms nobody, and nothing finds it.
      expect(found).toBeGreaterThan(what === 'flipped by a byte' ? 0 : pages * 0.9);
    },
  );

  async function isFound(): Promise<boolean> {
    try {
      const whole = await readAll();
      const isFaulty = Object.keys(await findings()).length > 0;
      expect(isFaulty || whole === contents, 'files cannot be read, and verify found nothing').toBe(true);
      return isFaulty;
    } catch (error) {
      if (isStoreError(error)) return true; // opening found it
      throw error;
    }
  }

  test('missing at the end, or more than there should be, are found', async () => {
    const path = databasePath(dataDir);
    const copy = `${path}.copy`;
    cpSync(path, copy);
    truncateSync(path, statSync(path).size - pageSize);
    expect(await isFound()).toBe(true);
    cpSync(copy, path);
    appendFileSync(path, Buffer.alloc(pageSize, 1));
    expect(await readAll()).toBe(contents);
  });
});
