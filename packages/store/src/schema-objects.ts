// What a database is made of, read from the database itself: tables by structure, indexes by columns, triggers and
// views by their SQL.

import type { Database } from 'better-sqlite3';

export type ObjectType = 'table' | 'index' | 'trigger' | 'view';

export interface SchemaObject {
  readonly type: ObjectType;
  readonly name: string;
  /** The table that it belongs to; its own name for tables and views. */
  readonly table: string;
  /** As SQLite keeps it: runs again as it is. */
  readonly sql: string;
  /** What two objects that do the same have in common, however they were typed. */
  readonly shape: readonly string[];
}

export type SchemaObjects = ReadonlyMap<string, SchemaObject>;

type MasterRow = { type: ObjectType; name: string; tbl_name: string; sql: string };

/** Everything that has a name of its own; SQLite's internal tables and automatic indexes are left out. */
export function readSchemaObjects(db: Database): SchemaObjects {
  const rows = db
    .prepare(
      `SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
    )
    .all() as MasterRow[];
  return new Map(
    rows.map((row) => [
      row.name,
      { type: row.type, name: row.name, table: row.tbl_name, sql: row.sql, shape: shapeOf(db, row) },
    ]),
  );
}

/** SQL without the freedom of typing: comments, white space, quotes and case. For comparing, not for running. */
export function normaliseSql(sql: string): string {
  return sql
    .replace(/--[^\n]*/g, ' ')
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/\bif\s+not\s+exists\b/gi, ' ')
    .replace(/["`[\]]/g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([(),;=<>+*|]) ?/g, '$1')
    .trim()
    .toLowerCase();
}

function shapeOf(db: Database, row: MasterRow): string[] {
  if (row.type === 'table') return tableShape(db, row.name);
  if (row.type === 'index') return indexShape(db, row);
  return [normaliseSql(row.sql)];
}

type Column = { name: string; type: string; notnull: 0 | 1; dflt_value: string | null; pk: number };
type ForeignKey = { from: string; table: string; to: string | null; on_delete: string };
type Index = { name: string; unique: 0 | 1; origin: 'c' | 'u' | 'pk'; partial: 0 | 1 };
type IndexColumn = { name: string | null; desc: 0 | 1; key: 0 | 1 };

function tableShape(db: Database, table: string): string[] {
  const columns = db.prepare('SELECT * FROM pragma_table_info(?)').all(table) as Column[];
  const keys = db.prepare('SELECT * FROM pragma_foreign_key_list(?)').all(table) as ForeignKey[];
  const options = db.prepare('SELECT strict, wr FROM pragma_table_list(?)').get(table) as
    | { strict: number; wr: number }
    | undefined;
  const uniques = readIndexes(db, table).filter((index) => index.origin === 'u');
  return [
    ...columns.map(describeColumn),
    ...keys.map((k) =>
      `foreign key ${k.from} -> ${k.table}(${k.to ?? k.from}) on delete ${k.on_delete}`.toLowerCase(),
    ),
    ...uniques.map((index) => `unique (${indexColumns(db, index.name)})`),
    ...(options?.strict ? ['strict'] : []),
    ...(options?.wr ? ['without rowid'] : []),
  ];
}

/** A primary key says NOT NULL in one spelling and not in another; both are keys. */
function describeColumn(column: Column): string {
  const words = [`column ${column.name}`, column.type];
  if (column.pk > 0) words.push(`primary key ${column.pk}`);
  else if (column.notnull) words.push('not null');
  if (column.dflt_value !== null) words.push(`default ${normaliseDefault(column.dflt_value)}`);
  return words.join(' ').toLowerCase();
}

function normaliseDefault(value: string): string {
  const text = normaliseSql(value).replace(/^\((.*)\)$/, '$1');
  return text === "datetime('now')" ? 'current_timestamp' : text;
}

function readIndexes(db: Database, table: string): Index[] {
  return db.prepare('SELECT * FROM pragma_index_list(?)').all(table) as Index[];
}

function indexColumns(db: Database, index: string): string {
  const columns = db.prepare('SELECT * FROM pragma_index_xinfo(?)').all(index) as IndexColumn[];
  return columns
    .filter((column) => column.key === 1)
    .map((column) => `${column.name ?? '<expression>'}${column.desc ? ' desc' : ''}`)
    .join(', ');
}

/** Expressions and conditions are not in SQLite's lists, so indexes that have them are compared by their SQL. */
function indexShape(db: Database, row: MasterRow): string[] {
  const facts = readIndexes(db, row.tbl_name).find((index) => index.name === row.name);
  const columns = indexColumns(db, row.name);
  const exact = facts?.partial === 1 || columns.includes('<expression>');
  return [
    `${facts?.unique ? 'unique ' : ''}on ${row.tbl_name}(${columns})`.toLowerCase(),
    ...(exact ? [normaliseSql(row.sql)] : []),
  ];
}
