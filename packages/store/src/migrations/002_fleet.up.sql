-- What a fleet needs: the ledger, blobs, epochs, sequences, sessions, an audit that outlives its file,
-- dead letters, quarantine. And the healing of 001's data: D2, D3, D6, D7, D8 of the defect list.
-- Times that decide anything are integers `..._at_ms` (milliseconds since 1970, UTC).

-- Checksums of migrations: an edited one is noticed.
ALTER TABLE schema_migrations ADD COLUMN checksum TEXT;

-- Facts of a file that 001 has no place for.
ALTER TABLE conversation_files ADD COLUMN vm TEXT;
ALTER TABLE conversation_files ADD COLUMN uploaded_at_ms INTEGER;
ALTER TABLE conversation_files ADD COLUMN deleted_at_ms INTEGER;
ALTER TABLE conversation_files ADD COLUMN declared_mime_type TEXT;
ALTER TABLE conversation_files ADD COLUMN origin_file_id TEXT;
ALTER TABLE conversation_files ADD COLUMN row_version INTEGER NOT NULL DEFAULT 1;

-- D7: association schedules nothing; the clock starts at session-end, and entries are only reminders.
DROP TRIGGER IF EXISTS trg_session_association_cleanup_schedule;
UPDATE file_cleanup_queue SET is_processed = 1, processed_at = CURRENT_TIMESTAMP
WHERE is_processed = 0 AND cleanup_reason = 'session_ended';

-- D8: associations doubled through a NULL message_id are merged into the oldest, then the index binds.
DELETE FROM session_file_associations
WHERE association_id NOT IN (
  SELECT MIN(association_id) FROM session_file_associations
  GROUP BY session_id, file_id, COALESCE(message_id, '')
);
CREATE UNIQUE INDEX idx_session_associations_message
  ON session_file_associations (session_id, file_id, COALESCE(message_id, ''));

-- D2, D3: a row shared by several sessions becomes one row per session. The new row keeps its bytes' address and
-- gets a UUID of its own; metadata is copied; the other session's associations and reminders move to it.
CREATE TEMP TABLE split (origin TEXT NOT NULL, session_id TEXT NOT NULL, file_id TEXT NOT NULL,
                         PRIMARY KEY (origin, session_id));
INSERT INTO split (origin, session_id, file_id)
SELECT shared.file_id, shared.session_id,
       lower(substr(u, 1, 8) || '-' || substr(u, 9, 4) || '-4' || substr(u, 14, 3) || '-a' || substr(u, 18, 3)
             || '-' || substr(u, 21, 12))
FROM (SELECT DISTINCT a.file_id, a.session_id, hex(randomblob(16)) AS u
      FROM (SELECT DISTINCT file_id, session_id FROM session_file_associations) a
      JOIN conversation_files f ON f.file_id = a.file_id
      WHERE a.session_id <> f.session_id) shared;
DROP TRIGGER IF EXISTS trg_conversation_files_upload_log;
INSERT INTO conversation_files (file_id, session_id, original_filename, stored_filename, file_path, file_size,
                                file_hash, mime_type, uploaded_at, uploaded_by, is_deleted, deleted_at, origin_file_id)
SELECT s.file_id, s.session_id, f.original_filename, s.file_id, f.file_path, f.file_size,
       f.file_hash, f.mime_type, f.uploaded_at, f.uploaded_by, f.is_deleted, f.deleted_at, f.file_id
FROM split s JOIN conversation_files f ON f.file_id = s.origin;
INSERT INTO file_metadata (file_id, metadata_key, metadata_value, created_at)
SELECT s.file_id, m.metadata_key, m.metadata_value, m.created_at
FROM split s JOIN file_metadata m ON m.file_id = s.origin;
UPDATE session_file_associations AS a
SET file_id = (SELECT s.file_id FROM split s WHERE s.origin = a.file_id AND s.session_id = a.session_id)
WHERE EXISTS (SELECT 1 FROM split s WHERE s.origin = a.file_id AND s.session_id = a.session_id);
UPDATE file_cleanup_queue AS q
SET file_id = (SELECT s.file_id FROM split s WHERE s.origin = q.file_id AND s.session_id = q.session_id)
WHERE EXISTS (SELECT 1 FROM split s WHERE s.origin = q.file_id AND s.session_id = q.session_id);
DROP TABLE split;

-- From here on the triggers are ours to the letter, whoever made them before. Views stay as they were found:
-- programs that read them go on working.
DROP TRIGGER IF EXISTS trg_conversation_files_soft_delete;
CREATE TRIGGER trg_conversation_files_soft_delete
AFTER UPDATE OF is_deleted ON conversation_files
WHEN NEW.is_deleted = 1 AND OLD.is_deleted = 0
BEGIN
  UPDATE conversation_files SET deleted_at = CURRENT_TIMESTAMP WHERE file_id = NEW.file_id;
END;
CREATE TRIGGER trg_conversation_files_upload_log
AFTER INSERT ON conversation_files
BEGIN
  INSERT INTO file_access_log (file_id, access_type, accessed_by, access_metadata)
  VALUES (NEW.file_id, 'upload', NEW.uploaded_by,
          json_object('file_size', NEW.file_size, 'mime_type', NEW.mime_type));
END;

-- Old text times become numbers; a time that cannot be read counts as the moment of this migration.
UPDATE conversation_files
SET uploaded_at_ms = COALESCE(CAST(round((julianday(uploaded_at) - 2440587.5) * 86400000) AS INTEGER),
                              CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER));
UPDATE conversation_files
SET deleted_at_ms = COALESCE(CAST(round((julianday(deleted_at) - 2440587.5) * 86400000) AS INTEGER),
                             CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER))
WHERE is_deleted = 1;

-- A session's page of files, newest first, from the index alone.
CREATE INDEX idx_conversation_files_page ON conversation_files (session_id, is_deleted, uploaded_at_ms, file_id);

-- Three indexes of 001 are the beginning of another one, which answers the same questions: each store would write them for nothing.
DROP INDEX IF EXISTS idx_conversation_files_session;
DROP INDEX IF EXISTS idx_session_associations_session;
DROP INDEX IF EXISTS idx_file_metadata_file_id;

-- 001 has no index behind the cascade from a purged file, nor for a session's open reminders.
CREATE INDEX idx_cleanup_queue_file ON file_cleanup_queue (file_id);
CREATE INDEX idx_cleanup_queue_session ON file_cleanup_queue (session_id, is_processed);

-- The highest epoch is the tenure of the writer that may commit.
CREATE TABLE writer_epochs (
  epoch         INTEGER PRIMARY KEY AUTOINCREMENT,
  holder        TEXT NOT NULL,
  pid           INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  stopped_at_ms INTEGER
) STRICT;

-- One row per group commit would grow without bound: only the last number is kept.
CREATE TABLE commit_state (
  id              INTEGER PRIMARY KEY CHECK (id = 1),
  commit_sequence INTEGER NOT NULL CHECK (commit_sequence >= 0),
  committed_at_ms INTEGER NOT NULL
) STRICT;
INSERT INTO commit_state (id, commit_sequence, committed_at_ms) VALUES (1, 0, 0);

-- The memory of "once": one row per settled operation, written with its effect.
CREATE TABLE ledger (
  operation_id    TEXT PRIMARY KEY,
  name            TEXT NOT NULL,
  vm              TEXT NOT NULL,
  session_id      TEXT,
  intent          TEXT NOT NULL CHECK (length(intent) = 64 OR intent = ''),
  outcome         TEXT NOT NULL CHECK (outcome IN ('applied', 'refused')),
  code            TEXT CHECK ((outcome = 'refused') = (code IS NOT NULL)),
  receipt         TEXT NOT NULL CHECK (json_valid(receipt)),
  commit_sequence INTEGER NOT NULL,
  committed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_ledger_committed_at ON ledger (committed_at_ms);

-- The last settled number of each producer and session.
CREATE TABLE producer_sequences (
  producer      TEXT NOT NULL,
  session_id    TEXT NOT NULL,
  vm            TEXT NOT NULL,
  last          INTEGER NOT NULL CHECK (last >= 1),
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (producer, session_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  session_id          TEXT PRIMARY KEY,
  state               TEXT NOT NULL CHECK (state IN ('live', 'ended')),
  first_activity_at_ms INTEGER NOT NULL,
  last_activity_at_ms INTEGER NOT NULL,
  ended_at_ms         INTEGER CHECK ((state = 'ended') = (ended_at_ms IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_sessions_activity ON sessions (last_activity_at_ms, session_id);
-- D7: nobody knows when an old session was last in use, so its 30 idle days begin with this migration; were they
-- counted from its uploads, the first cleanup would take an adopted database's files.
INSERT INTO sessions (session_id, state, first_activity_at_ms, last_activity_at_ms)
SELECT session_id, 'live', MIN(uploaded_at_ms),
       MAX(MAX(uploaded_at_ms), CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER))
FROM conversation_files GROUP BY session_id;

-- Where the bytes of a digest are. A file's name is unique per incarnation: `ab/<digest>.<epoch>-<counter>`.
CREATE TABLE blobs (
  blob_id       INTEGER PRIMARY KEY,
  digest        TEXT NOT NULL UNIQUE CHECK (length(digest) = 64),
  size          INTEGER NOT NULL CHECK (size >= 0),
  location      TEXT NOT NULL CHECK (location IN ('inline', 'file')),
  name          TEXT CHECK ((location = 'file') = (name IS NOT NULL)),
  mime_type     TEXT,
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX idx_blobs_name ON blobs (name) WHERE name IS NOT NULL;
-- By number and not by digest: digests are random, and one more index of them would be one more page to write per file.
CREATE TABLE blob_bytes (
  blob_id INTEGER PRIMARY KEY REFERENCES blobs (blob_id) ON DELETE CASCADE,
  bytes   BLOB NOT NULL
) STRICT;

-- D6: the audit is append-only and refers to files without a foreign key, so that it outlives them.
CREATE TABLE audit_entries (
  audit_id        INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms           INTEGER NOT NULL,
  action          TEXT NOT NULL,
  operation_id    TEXT,
  session_id      TEXT,
  file_id         TEXT,
  vm              TEXT,
  actor           TEXT,
  commit_sequence INTEGER NOT NULL,
  details         TEXT CHECK (details IS NULL OR json_valid(details))
) STRICT;
CREATE INDEX idx_audit_file ON audit_entries (file_id, audit_id) WHERE file_id IS NOT NULL;
CREATE INDEX idx_audit_session ON audit_entries (session_id, audit_id) WHERE session_id IS NOT NULL;
-- What 001's log knows would vanish with its file, so the audit begins with a copy of it. Commit sequence 0: before all groups.
INSERT INTO audit_entries (at_ms, action, session_id, file_id, actor, commit_sequence, details)
SELECT COALESCE(CAST(round((julianday(l.accessed_at) - 2440587.5) * 86400000) AS INTEGER),
                CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)),
       'file-' || l.access_type, f.session_id, l.file_id, l.accessed_by, 0,
       CASE WHEN l.access_metadata IS NULL OR json_valid(l.access_metadata) THEN l.access_metadata
            ELSE json_object('text', l.access_metadata) END
FROM file_access_log l JOIN conversation_files f ON f.file_id = l.file_id
ORDER BY l.log_id;
CREATE TRIGGER trg_audit_entries_no_update BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
CREATE TRIGGER trg_audit_entries_no_delete BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;

-- Refused operations, to be looked at and tried again.
CREATE TABLE dead_letters (
  operation_id  TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  vm            TEXT NOT NULL,
  session_id    TEXT,
  code          TEXT NOT NULL,
  message       TEXT,
  payload       TEXT NOT NULL,
  refused_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_dead_letters_refused_at ON dead_letters (refused_at_ms);

-- Jobs that could not be parsed, or that are suspected of killing the writer.
CREATE TABLE quarantine (
  quarantine_id     INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id            TEXT NOT NULL,
  name              TEXT NOT NULL,
  code              TEXT NOT NULL,
  reason            TEXT NOT NULL,
  payload           TEXT NOT NULL,
  -- File below quarantine/ with the bytes that came along, when there were some.
  bytes_name        TEXT,
  quarantined_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_quarantine_job ON quarantine (job_id);

-- Jobs that were under way when a writer ended without saying so. After two such ends in a row each runs alone.
CREATE TABLE suspects (
  job_id          TEXT PRIMARY KEY,
  suspected_at_ms INTEGER NOT NULL,
  crashes         INTEGER NOT NULL DEFAULT 1 CHECK (crashes >= 1),
  runs_alone      INTEGER NOT NULL DEFAULT 0 CHECK (runs_alone IN (0, 1)),
  solo_crashes    INTEGER NOT NULL DEFAULT 0 CHECK (solo_crashes >= 0)
) STRICT, WITHOUT ROWID;
