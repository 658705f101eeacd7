// The objects that a database of a version must have: what the migrations up to it make in an empty database.
// No list is kept by hand.

import SQLite from 'better-sqlite3';
import { type Migration, requireMigration } from './migrations.ts';
import { readSchemaObjects, type SchemaObjects } from './schema-objects.ts';

const cache = new WeakMap<Migration, SchemaObjects>();

/**
 * @param version one of the migrations' versions.
 * @throws StoreError MIGRATION_UNKNOWN
 */
export function expectedObjects(migrations: readonly Migration[], version: string): SchemaObjects {
  const migration = requireMigration(migrations, version);
  const known = cache.get(migration);
  if (known) return known;
  const built = build(migrations.slice(0, migration.number));
  cache.set(migration, built);
  return built;
}

function build(steps: readonly Migration[]): SchemaObjects {
  const db = new SQLite(':memory:');
  try {
    for (const step of steps) db.exec(step.upSql);
    return readSchemaObjects(db);
  } finally {
    db.close();
  }
}
