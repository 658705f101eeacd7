// A database as an AutoBot installation of version 001 may have it: the same objects, typed differently, in rollback
// journal mode, with the defects D2, D3, D7 and D8 in its rows.

import SQLite from 'better-sqlite3';

const tables = `
create table if not exists "conversation_files" (
    file_id text primary key, session_id text not null, original_filename text not null,
    stored_filename text not null unique, file_path text not null,
    file_size integer not null check(file_size >= 0), file_hash text not null, mime_type text,
    uploaded_at timestamp default current_timestamp, uploaded_by text,
    is_deleted integer default 0 check(is_deleted in (0,1)), deleted_at timestamp
);
create table if not exists file_metadata (
    metadata_id integer primary key autoincrement, file_id text not null, metadata_key text not null,
    metadata_value text, created_at timestamp default current_timestamp,
    foreign key (file_id) references conversation_files(file_id) on delete cascade, unique(file_id, metadata_key)
);
create table if not exists session_file_associations (
    association_id integer primary key autoincrement, session_id text not null, file_id text not null,
    association_type text default 'upload' check(association_type in ('upload','reference','generated')),
    message_id text, associated_at timestamp default current_timestamp,
    foreign key (file_id) references conversation_files(file_id) on delete cascade,
    unique(session_id, file_id, message_id)
);
create table if not exists file_access_log (
    log_id integer primary key autoincrement, file_id text not null,
    access_type text not null check(access_type in ('upload','download','view','delete','restore')),
    accessed_by text, accessed_at timestamp default current_timestamp, access_metadata text,
    foreign key (file_id) references conversation_files(file_id) on delete cascade
);
create table if not exists file_cleanup_queue (
    cleanup_id integer primary key autoincrement, file_id text not null, session_id text not null,
    scheduled_deletion_time timestamp not null,
    cleanup_reason text default 'session_ended' check(cleanup_reason in ('session_ended','user_request','expired','space_limit')),
    is_processed integer default 0 check(is_processed in (0,1)), processed_at timestamp,
    foreign key (file_id) references conversation_files(file_id) on delete cascade
);
create table if not exists schema_migrations (
    migration_id integer primary key autoincrement, version text not null unique, description text not null,
    applied_at timestamp default current_timestamp, status text default 'completed', execution_time_ms integer
);`;

const others = `
create index if not exists idx_conversation_files_session on conversation_files(session_id, is_deleted);
create index if not exists idx_conversation_files_hash on conversation_files(file_hash, is_deleted);
create index if not exists idx_conversation_files_uploaded_at on conversation_files(uploaded_at desc);
create index if not exists idx_file_metadata_file_id on file_metadata(file_id);
create index if not exists idx_session_associations_session on session_file_associations(session_id);
create index if not exists idx_session_associations_file on session_file_associations(file_id);
create index if not exists idx_file_access_log_file on file_access_log(file_id, accessed_at desc);
create index if not exists idx_cleanup_queue_processed on file_cleanup_queue(is_processed, scheduled_deletion_time);
create trigger if not exists trg_conversation_files_soft_delete after update of is_deleted on conversation_files
    for each row when new.is_deleted = 1 and old.is_deleted = 0
    begin update conversation_files set deleted_at = datetime('now') where file_id = new.file_id; end;
create trigger if not exists trg_conversation_files_upload_log after insert on conversation_files for each row
    begin insert into file_access_log(file_id, access_type, accessed_by, access_metadata)
      values (new.file_id, 'upload', new.uploaded_by, json_object('size', new.file_size, 'mime_type', new.mime_type)); end;
create trigger if not exists trg_session_association_cleanup_schedule after insert on session_file_associations for each row
    begin insert into file_cleanup_queue(file_id, session_id, scheduled_deletion_time, cleanup_reason)
      values (new.file_id, new.session_id, datetime('now', '+30 days'), 'session_ended'); end;
create view if not exists v_active_files as
    select cf.*, count(distinct sfa.session_id) as session_count, max(sfa.associated_at) as last_used
    from conversation_files cf left join session_file_associations sfa on cf.file_id = sfa.file_id
    where cf.is_deleted = 0 group by cf.file_id;
create view if not exists v_session_file_summary as
    select sfa.session_id, count(distinct cf.file_id) as total_files, sum(cf.file_size) as total_size
    from session_file_associations sfa join conversation_files cf on sfa.file_id = cf.file_id
    where cf.is_deleted = 0 group by sfa.session_id;
create view if not exists v_pending_cleanups as
    select fcq.* from file_cleanup_queue fcq where fcq.is_processed = 0;
insert into schema_migrations (version, description) values ('001', 'Create conversation files schema');`;

export const sharedFile = '11111111-1111-4111-8111-111111111111';
export const ownFile = '22222222-2222-4222-8222-222222222222';
export const deletedFile = '33333333-3333-4333-8333-333333333333';

// One file used by three sessions, doubled associations (UNIQUE does not bind NULLs), reminders a year overdue.
const rows = `
insert into conversation_files (file_id, session_id, original_filename, stored_filename, file_path, file_size, file_hash, mime_type, uploaded_at, uploaded_by)
values ('${sharedFile}', 's1', 'shared.txt', 'a.txt', '/data/a.txt', 6, '${'a'.repeat(64)}', 'text/plain', '2025-01-02 03:04:05', 'ann'),
       ('${ownFile}', 's1', 'own.csv', 'b.csv', '/data/b.csv', 9, '${'b'.repeat(64)}', null, '2025-02-03 04:05:06', null),
       ('${deletedFile}', 's4', 'gone.png', 'c.png', '/data/c.png', 0, '${'c'.repeat(64)}', 'image/png', 'not a time', 'bob');
update conversation_files set is_deleted = 1 where file_id = '${deletedFile}';
update conversation_files set deleted_at = '2025-03-04 05:06:07' where file_id = '${deletedFile}';
insert into file_metadata (file_id, metadata_key, metadata_value) values
       ('${sharedFile}', 'source', 'mail'), ('${sharedFile}', 'pages', '3'), ('${ownFile}', 'rows', '12');
insert into session_file_associations (session_id, file_id, association_type, message_id) values
       ('s1', '${sharedFile}', 'upload', null), ('s1', '${sharedFile}', 'upload', null), ('s1', '${sharedFile}', 'upload', 'm1'),
       ('s2', '${sharedFile}', 'reference', null), ('s2', '${sharedFile}', 'reference', null), ('s2', '${sharedFile}', 'reference', 'm2'),
       ('s3', '${sharedFile}', 'generated', 'm3'), ('s1', '${ownFile}', 'upload', null), ('s4', '${deletedFile}', 'upload', null);
insert into file_access_log (file_id, access_type, accessed_by, accessed_at, access_metadata) values
       ('${sharedFile}', 'download', 'cid', '2025-05-06 07:08:09', 'no json');
update file_cleanup_queue set scheduled_deletion_time = '2025-04-01 00:00:00';
insert into file_cleanup_queue (file_id, session_id, scheduled_deletion_time, cleanup_reason) values
       ('${ownFile}', 's1', '2030-01-01 00:00:00', 'user_request');`;

/**
 * Writes such a database to a path where there is no file yet.
 * @param fill puts rows into it; those above when left out.
 */
export function writeAutobotDatabase(
  path: string,
  fill: (db: SQLite.Database) => void = (db) => db.exec(rows),
): void {
  const db = new SQLite(path);
  try {
    db.pragma('journal_mode = DELETE');
    db.exec(tables);
    db.exec(others);
    fill(db);
  } finally {
    db.close();
  }
}
