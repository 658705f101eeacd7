// The objects of the search's index. They are worked out from other rows, so a database that lacks one of them, or in which
// one is not as it should be, gets them all anew and empty, and the index is filled again.

import type { Database } from 'better-sqlite3';
import type { SchemaObject, SchemaObjects } from '../schema-objects.ts';

const table = 'file_search';
/** Nothing is merged inside the COMMIT of a slice that adds rows; merging is work of its own. As in 004. */
const settings = "VALUES ('automerge', 0), ('crisismerge', 1000), ('usermerge', 8)";

/** Whether an object is part of the index: its virtual table, what SQLite keeps behind it, its state, its notes and triggers. */
export const isSearchObject = ({ name }: Pick<SchemaObject, 'name'>): boolean =>
  /^(file_search|search_|trg_conversation_files_search_)/.test(name);

/** Tables that SQLite makes, and takes away, with the virtual one. */
const isShadow = ({ name }: SchemaObject): boolean => name.startsWith(`${table}_`);

/** Makes the index anew and empty. Inside a transaction. */
export function rebuildSearchObjects(db: Database, expected: SchemaObjects): void {
  const objects = [...expected.values()].filter((object) => isSearchObject(object) && !isShadow(object));
  for (const { type, name } of [...objects].reverse()) db.exec(`DROP ${type} IF EXISTS "${name}"`);
  for (const { sql } of objects) db.exec(sql);
  db.exec(`INSERT INTO ${table} (${table}, rank) ${settings}`);
  db.exec('INSERT INTO search_state (id, through, merging) VALUES (1, 0, 0)');
}
