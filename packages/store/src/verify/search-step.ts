// The index of the search against the rows that it stands for: is every file in it, is nothing in it that is gone, and does it
// find a file by each part of its text? Its inner order is a matter of `integrity`. What it finds too much of is no fault:
// a search looks at the rows themselves.

import type { Database } from 'better-sqlite3';
import { indexedThrough } from '../search/progress.ts';
import { indexedText } from '../search/text.ts';
import type { Place, Step, Tally } from './step.ts';

/** Files whose whole text is looked for, evenly spread: each is about a hundred questions. A deep look takes ten times as many. */
const sampled = 100;
const inDeep = 10;
const advice = 'type: npx filefleet migrate down --to 003, and migrate up: the writer fills it anew';

export const searchStep: Step = {
  name: 'search',
  run(place, tally) {
    compareNumbers(place.db, tally);
    sampleTexts(place, tally);
  },
};

interface Found {
  readonly number: number;
  readonly isIndexed: 0 | 1;
}

/** Each way in one statement, so in one snapshot. */
const missingSql = `SELECT f.rowid AS number, 0 AS isIndexed FROM conversation_files f
  WHERE f.rowid <= (SELECT through FROM search_state) AND f.rowid NOT IN (SELECT id FROM file_search_docsize)
    AND f.rowid NOT IN (SELECT number FROM search_notes)`;
const staleSql = `SELECT d.id AS number, 1 AS isIndexed FROM file_search_docsize d
  WHERE d.id NOT IN (SELECT rowid FROM conversation_files) AND d.id NOT IN (SELECT number FROM search_notes)`;

function compareNumbers(db: Database, tally: Tally): void {
  tally.checked = db.prepare('SELECT count(*) FROM conversation_files').pluck().get() as number;
  for (const sql of [missingSql, staleSql]) {
    for (const { number, isIndexed } of db.prepare<[], Found>(sql).iterate()) {
      const what = isIndexed ? 'is in the index and there is no such file' : 'is not in the index';
      tally.fault(`row ${number} ${what}; ${advice}`);
    }
  }
}

interface Row {
  readonly number: number;
  readonly name: string;
  readonly metadata: string;
}

const sampleSql = `SELECT f.rowid AS number, f.original_filename AS name,
    (SELECT json_group_array(m.metadata_key || char(1) || coalesce(m.metadata_value, '')) FROM file_metadata m
      WHERE m.file_id = f.file_id) AS metadata
  FROM conversation_files f WHERE f.rowid >= ? AND f.rowid <= ? ORDER BY f.rowid LIMIT 1`;

function sampleTexts({ db, isDeep }: Place, tally: Tally): void {
  const wanted = isDeep ? sampled * inDeep : sampled;
  const through = indexedThrough(db);
  const step = Math.max(1, through / wanted);
  const look = db.transaction((at: number) => lookAt(db, at, tally));
  for (let at = 1, n = 0; at <= through && n < wanted; n++)
    at = Math.max(1 + look(Math.floor(at)), 1 + n * step + step);
  tally.note('files behind the index, which searches walk over', behind(db));
}

/** @returns the number of the file that was looked at. */
function lookAt(db: Database, at: number, tally: Tally): number {
  const row = db.prepare<[number, number], Row>(sampleSql).get(at, indexedThrough(db));
  if (!row) return Number.MAX_SAFE_INTEGER;
  if (!isNoted(db, row.number) && !isFoundByAll(db, row)) {
    tally.fault(`row ${row.number} is not found by every part of its text; ${advice}`);
  }
  return row.number;
}

const isNoted = (db: Database, number: number): boolean =>
  db.prepare('SELECT 1 FROM search_notes WHERE number = ?').get(number) !== undefined;

function isFoundByAll(db: Database, { number, name, metadata }: Row): boolean {
  const characters = Array.from(indexedText([name, ...(JSON.parse(metadata) as string[])]));
  const trigrams = new Set(characters.slice(2).map((_, at) => characters.slice(at, at + 3).join('')));
  const find = db.prepare('SELECT 1 FROM file_search WHERE file_search MATCH ? AND rowid = ?');
  const quoted = (trigram: string) => `"${trigram.replaceAll('"', '""')}"`;
  const inTurn = Array.from({ length: Math.ceil(trigrams.size / askedAtOnce) }, (_, n) =>
    [...trigrams].slice(n * askedAtOnce, (n + 1) * askedAtOnce),
  );
  return inTurn.every((some) => find.get(some.map(quoted).join(' AND '), number) !== undefined);
}

/** FTS5 bounds the depth of what it is asked. */
const askedAtOnce = 100;

function behind(db: Database): number {
  const sql = `SELECT count(*) FROM conversation_files WHERE rowid > (SELECT through FROM search_state)`;
  return db.prepare(sql).pluck().get() as number;
}
