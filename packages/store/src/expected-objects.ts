// The objects that a database of a version must have: what the migrations up to it make in an empty database.
// No list is kept by hand.

import SQLite from 'better-sqlite3';
import type { Migration } from './migrations.ts';
import { readSchemaObjects, type SchemaObjects } from './schema-objects.ts';

const cache = new WeakMap<readonly Migration[], Map<string, SchemaObjects>>();

/** @param version one of the migrations' versions. */
export function expectedObjects(migrations: readonly Migration[], version: string): SchemaObjects {
  let byVersion = cache.get(migrations);
  if (!byVersion) {
    byVersion = buildAll(migrations);
    cache.set(migrations, byVersion);
  }
  return byVersion.get(version) ?? new Map();
}

function buildAll(migrations: readonly Migration[]): Map<string, SchemaObjects> {
  const db = new SQLite(':memory:');
  try {
    const byVersion = new Map<string, SchemaObjects>();
    for (const migration of migrations) {
      db.exec(migration.upSql);
      byVersion.set(migration.version, readSchemaObjects(db));
    }
    return byVersion;
  } finally {
    db.close();
  }
}
