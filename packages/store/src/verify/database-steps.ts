// Schema, pages and references of the database.

import { loadMigrations } from '../migrations.ts';
import { findDifferences } from '../validation.ts';
import type { Step } from './step.ts';

export const schemaStep: Step = {
  name: 'schema',
  run({ db }, tally) {
    tally.checked = db.prepare('SELECT count(*) FROM sqlite_master').pluck().get() as number;
    for (const { object, detail } of findDifferences(db, loadMigrations())) {
      tally.fault(`${object.type} ${object.name}: ${detail}`);
    }
  },
};

export const integrityStep: Step = {
  name: 'integrity',
  run({ db }, tally) {
    tally.checked = db.pragma('page_count', { simple: true }) as number;
    for (const line of db.pragma('integrity_check(100)') as { integrity_check: string }[]) {
      if (line.integrity_check !== 'ok') tally.fault(line.integrity_check);
    }
  },
};

export const foreignKeysStep: Step = {
  name: 'foreign keys',
  run({ db }, tally) {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all();
    tally.checked = tables.length;
    const sql = 'SELECT "table", count(*) AS rows FROM pragma_foreign_key_check GROUP BY 1 ORDER BY 1';
    for (const { table, rows } of db.prepare<[], { table: string; rows: number }>(sql).all()) {
      tally.fault(`${table}: ${rows} rows refer to a row that is not there`);
    }
  },
};
