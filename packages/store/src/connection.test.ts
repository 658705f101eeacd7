// Settings that durability needs, read back from real connections.

import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeFolder, withRaw } from '../../../tests/support/data-folder.ts';
import { assertDurable, compareVersions, openReadConnection, openWriterConnection } from './connection.ts';

function openWriter(path: string) {
  const db = openWriterConnection(path);
  onTestFinished(() => {
    db.close();
  });
  return db;
}

describe('the connection that writes', () => {
  test('has every setting, also after a write and at a second opening', () => {
    const path = join(makeFolder(), 'x.db');
    openWriter(path).exec('CREATE TABLE t (a)');
    const db = openWriter(path);
    db.exec('INSERT INTO t VALUES (1)');
    const names = [
      'journal_mode',
      'synchronous',
      'foreign_keys',
      'journal_size_limit',
      'cell_size_check',
      'trusted_schema',
    ];
    const more = ['mmap_size', 'temp_store', 'application_id', 'busy_timeout', 'locking_mode'];
    const settings = [...names, ...more].map((name) => [name, db.pragma(name, { simple: true })]);
    expect(Object.fromEntries(settings)).toEqual({
      journal_mode: 'wal',
      synchronous: 2,
      foreign_keys: 1,
      journal_size_limit: 67_108_864,
      cell_size_check: 1,
      trusted_schema: 0,
      mmap_size: 0,
      temp_store: 2,
      application_id: 0x46464c54,
      busy_timeout: 5_000,
      locking_mode: 'normal',
    });
    expect(() => assertDurable(db)).not.toThrow();
  });

  test('without the explicit setting SQLite would run with NORMAL, and the assertion notices', () => {
    const path = join(makeFolder(), 'x.db');
    openWriter(path).exec('CREATE TABLE t (a)');
    const careless = new SQLite(path);
    onTestFinished(() => {
      careless.close();
    });
    careless.exec('INSERT INTO t VALUES (1)');
    expect(careless.pragma('synchronous', { simple: true })).toBe(1);
    expect(() => assertDurable(careless)).toThrow(expect.objectContaining({ code: 'PRAGMA_REFUSED' }));
  });

  test('waits for another process that has the database locked, and then says STORAGE_BUSY', {
    timeout: 40_000,
  }, () => {
    const path = join(makeFolder(), 'x.db');
    const other = new SQLite(path);
    onTestFinished(() => {
      other.close();
    });
    other.pragma('journal_mode = DELETE');
    other.exec('BEGIN EXCLUSIVE; CREATE TABLE t (a)');
    const startedMs = performance.now();
    expect(() => openWriterConnection(path)).toThrow(expect.objectContaining({ code: 'STORAGE_BUSY' }));
    expect(performance.now() - startedMs).toBeGreaterThan(4_900);
  });
});

describe('the connection that reads', () => {
  test('cannot write, and sees what is committed', () => {
    const path = join(makeFolder(), 'x.db');
    const writer = openWriter(path);
    writer.exec('CREATE TABLE t (a)');
    const reader = openReadConnection(path);
    onTestFinished(() => {
      reader.close();
    });
    writer.exec('INSERT INTO t VALUES (7)');
    expect(reader.prepare('SELECT a FROM t').pluck().get()).toBe(7);
    expect(() => reader.exec('INSERT INTO t VALUES (8)')).toThrow(/readonly/);
    expect(withRaw(path, (db) => db.prepare('SELECT count(*) FROM t').pluck().get())).toBe(1);
  });

  test('does not create a database that is not there, and says what to type', () => {
    const folder = makeFolder();
    expect(() => openReadConnection(join(folder, 'x.db'))).toThrow(/filefleet migrate up/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('says DATABASE_CORRUPT for a file that is no database', () => {
    const path = join(makeFolder(), 'x.db');
    writeFileSync(path, 'nonsense '.repeat(200));
    expect(() => openReadConnection(path)).toThrow(expect.objectContaining({ code: 'DATABASE_CORRUPT' }));
  });
});

test.each([
  ['3.51.3', '3.51.3', 0],
  ['3.9.0', '3.51.3', -1],
  ['3.54', '3.51.3', 1],
  ['4', '3.51.3', 1],
])('version %s against %s', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign);
});
