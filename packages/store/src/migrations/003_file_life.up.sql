-- The life of a file after it was stored: retention, plans, the sweep, scrubbing, an audit whose entries hold each other,
-- and figures that are kept instead of counted. Times that decide anything are integers `..._at_ms`, spans `..._after_ms`.

-- A held session is kept for ever. Spans of its own go before those of the policy. `cleaned_at_ms`: since when none of
-- its files is active, by retention; any activity takes it away with the end.
ALTER TABLE sessions ADD COLUMN hold INTEGER NOT NULL DEFAULT 0 CHECK (hold IN (0, 1));
ALTER TABLE sessions ADD COLUMN soft_after_ms INTEGER CHECK (soft_after_ms >= 0);
ALTER TABLE sessions ADD COLUMN purge_after_ms INTEGER CHECK (purge_after_ms >= 0);
ALTER TABLE sessions ADD COLUMN cleaned_at_ms INTEGER CHECK (cleaned_at_ms IS NULL OR state = 'ended');
-- Taken by the space limit: bytes that will be free when it is purged, and the span of its own that it had before. Any
-- activity gives it back.
ALTER TABLE sessions ADD COLUMN taken_bytes INTEGER CHECK (taken_bytes IS NULL OR (taken_bytes >= 0 AND state = 'ended'));
ALTER TABLE sessions ADD COLUMN untaken_purge_after_ms INTEGER CHECK (untaken_purge_after_ms >= 0);
-- What retention asks for: ended and due for the soft deletion, cleaned and due for the purge, live and idle or longest
-- without activity, on the way for the space limit.
CREATE INDEX idx_sessions_ended ON sessions (ended_at_ms)
  WHERE state = 'ended' AND cleaned_at_ms IS NULL AND hold = 0 AND soft_after_ms IS NULL;
CREATE INDEX idx_sessions_ended_own ON sessions (ended_at_ms + soft_after_ms)
  WHERE state = 'ended' AND cleaned_at_ms IS NULL AND hold = 0 AND soft_after_ms IS NOT NULL;
CREATE INDEX idx_sessions_cleaned ON sessions (cleaned_at_ms)
  WHERE cleaned_at_ms IS NOT NULL AND hold = 0 AND purge_after_ms IS NULL;
CREATE INDEX idx_sessions_cleaned_own ON sessions (cleaned_at_ms + purge_after_ms)
  WHERE cleaned_at_ms IS NOT NULL AND hold = 0 AND purge_after_ms IS NOT NULL;
CREATE INDEX idx_sessions_oldest ON sessions (state, last_activity_at_ms) WHERE hold = 0 AND taken_bytes IS NULL;
CREATE INDEX idx_sessions_taken ON sessions (taken_bytes) WHERE hold = 0 AND taken_bytes IS NOT NULL;

-- The policy in force. NULL: that limit is not set, and nothing goes because of it.
CREATE TABLE retention_policy (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  soft_after_ms  INTEGER NOT NULL CHECK (soft_after_ms >= 0),
  purge_after_ms INTEGER NOT NULL CHECK (purge_after_ms >= 0),
  idle_after_ms  INTEGER CHECK (idle_after_ms > 0),
  space_bytes    INTEGER CHECK (space_bytes > 0),
  changed_at_ms  INTEGER NOT NULL
) STRICT;
INSERT INTO retention_policy (id, soft_after_ms, purge_after_ms, changed_at_ms) VALUES (1, 2592000000, 2592000000, 0);

-- Contents that no file names. `since_ms` is NULL until the sweep first sees it: the clock is the writer's, not SQLite's.
CREATE TABLE unreferenced_blobs (
  blob_id  INTEGER PRIMARY KEY REFERENCES blobs (blob_id) ON DELETE CASCADE,
  digest   TEXT NOT NULL UNIQUE,
  size     INTEGER NOT NULL,
  since_ms INTEGER
) STRICT;
CREATE INDEX idx_unreferenced_blobs_since ON unreferenced_blobs (since_ms);
INSERT INTO unreferenced_blobs (blob_id, digest, size)
SELECT blob_id, digest, size FROM blobs b
WHERE NOT EXISTS (SELECT 1 FROM conversation_files f WHERE f.file_hash = b.digest);

-- A content whose bytes are not what its digest says: it counts as not held, until the same bytes come again.
ALTER TABLE blobs ADD COLUMN damaged_at_ms INTEGER;
ALTER TABLE blobs ADD COLUMN damage TEXT CHECK ((damage IS NULL) = (damaged_at_ms IS NULL));
CREATE INDEX idx_blobs_damaged ON blobs (damaged_at_ms) WHERE damaged_at_ms IS NOT NULL;

-- What is kept, in figures: changed with each row by the triggers below, so that asking for them costs no scan.
CREATE TABLE usage (
  scope         TEXT NOT NULL CHECK (scope IN ('fleet', 'vm', 'session')),
  -- Empty for the fleet, and for a VM that nobody knows.
  name          TEXT NOT NULL,
  files         INTEGER NOT NULL,
  bytes         INTEGER NOT NULL,
  deleted_files INTEGER NOT NULL,
  deleted_bytes INTEGER NOT NULL,
  PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE blob_usage (
  location TEXT PRIMARY KEY CHECK (location IN ('inline', 'file', 'unreferenced')),
  blobs    INTEGER NOT NULL,
  bytes    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO usage (scope, name, files, bytes, deleted_files, deleted_bytes)
SELECT 'session', session_id, sum(is_deleted = 0), sum(iif(is_deleted = 0, file_size, 0)),
       sum(is_deleted = 1), sum(iif(is_deleted = 1, file_size, 0))
FROM conversation_files GROUP BY session_id
UNION ALL
SELECT 'vm', coalesce(vm, ''), sum(is_deleted = 0), sum(iif(is_deleted = 0, file_size, 0)),
       sum(is_deleted = 1), sum(iif(is_deleted = 1, file_size, 0))
FROM conversation_files GROUP BY coalesce(vm, '')
UNION ALL
SELECT 'fleet', '', count(*) FILTER (WHERE is_deleted = 0), coalesce(sum(file_size) FILTER (WHERE is_deleted = 0), 0),
       count(*) FILTER (WHERE is_deleted = 1), coalesce(sum(file_size) FILTER (WHERE is_deleted = 1), 0)
FROM conversation_files;
INSERT INTO blob_usage (location, blobs, bytes)
SELECT 'inline', count(*), coalesce(sum(size), 0) FROM blobs WHERE location = 'inline'
UNION ALL SELECT 'file', count(*), coalesce(sum(size), 0) FROM blobs WHERE location = 'file'
UNION ALL SELECT 'unreferenced', count(*), coalesce(sum(size), 0) FROM unreferenced_blobs;

CREATE TABLE session_usage (
  state    TEXT PRIMARY KEY CHECK (state IN ('live', 'ended')),
  sessions INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO session_usage (state, sessions)
SELECT 'live', count(*) FROM sessions WHERE state = 'live'
UNION ALL SELECT 'ended', count(*) FROM sessions WHERE state = 'ended';

CREATE TRIGGER trg_conversation_files_count_insert
AFTER INSERT ON conversation_files
BEGIN
  INSERT INTO usage (scope, name, files, bytes, deleted_files, deleted_bytes)
  VALUES ('fleet', '', NEW.is_deleted = 0, iif(NEW.is_deleted = 0, NEW.file_size, 0),
          NEW.is_deleted = 1, iif(NEW.is_deleted = 1, NEW.file_size, 0)),
         ('vm', coalesce(NEW.vm, ''), NEW.is_deleted = 0, iif(NEW.is_deleted = 0, NEW.file_size, 0),
          NEW.is_deleted = 1, iif(NEW.is_deleted = 1, NEW.file_size, 0)),
         ('session', NEW.session_id, NEW.is_deleted = 0, iif(NEW.is_deleted = 0, NEW.file_size, 0),
          NEW.is_deleted = 1, iif(NEW.is_deleted = 1, NEW.file_size, 0))
  ON CONFLICT (scope, name) DO UPDATE SET
    files = files + excluded.files, bytes = bytes + excluded.bytes,
    deleted_files = deleted_files + excluded.deleted_files, deleted_bytes = deleted_bytes + excluded.deleted_bytes;
  DELETE FROM unreferenced_blobs WHERE digest = NEW.file_hash;
END;
CREATE TRIGGER trg_conversation_files_count_delete
AFTER UPDATE OF is_deleted ON conversation_files
WHEN NEW.is_deleted <> OLD.is_deleted
BEGIN
  UPDATE usage SET
    files = files + OLD.is_deleted - NEW.is_deleted,
    bytes = bytes + (OLD.is_deleted - NEW.is_deleted) * NEW.file_size,
    deleted_files = deleted_files + NEW.is_deleted - OLD.is_deleted,
    deleted_bytes = deleted_bytes + (NEW.is_deleted - OLD.is_deleted) * NEW.file_size
  WHERE (scope, name) IN (VALUES ('fleet', ''), ('vm', coalesce(NEW.vm, '')), ('session', NEW.session_id));
END;
CREATE TRIGGER trg_conversation_files_count_purge
AFTER DELETE ON conversation_files
BEGIN
  UPDATE usage SET
    files = files - (OLD.is_deleted = 0), bytes = bytes - iif(OLD.is_deleted = 0, OLD.file_size, 0),
    deleted_files = deleted_files - (OLD.is_deleted = 1), deleted_bytes = deleted_bytes - iif(OLD.is_deleted = 1, OLD.file_size, 0)
  WHERE (scope, name) IN (VALUES ('fleet', ''), ('vm', coalesce(OLD.vm, '')), ('session', OLD.session_id));
  INSERT INTO unreferenced_blobs (blob_id, digest, size)
  SELECT blob_id, digest, size FROM blobs
  WHERE digest = OLD.file_hash AND NOT EXISTS (SELECT 1 FROM conversation_files WHERE file_hash = OLD.file_hash)
  ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER trg_blobs_count_insert
AFTER INSERT ON blobs
BEGIN
  UPDATE blob_usage SET blobs = blobs + 1, bytes = bytes + NEW.size WHERE location = NEW.location;
END;
CREATE TRIGGER trg_blobs_count_move
AFTER UPDATE OF location ON blobs
BEGIN
  UPDATE blob_usage SET blobs = blobs - 1, bytes = bytes - OLD.size WHERE location = OLD.location;
  UPDATE blob_usage SET blobs = blobs + 1, bytes = bytes + NEW.size WHERE location = NEW.location;
END;
CREATE TRIGGER trg_blobs_count_delete
AFTER DELETE ON blobs
BEGIN
  UPDATE blob_usage SET blobs = blobs - 1, bytes = bytes - OLD.size WHERE location = OLD.location;
END;
CREATE TRIGGER trg_unreferenced_blobs_count_insert
AFTER INSERT ON unreferenced_blobs
BEGIN
  UPDATE blob_usage SET blobs = blobs + 1, bytes = bytes + NEW.size WHERE location = 'unreferenced';
END;
CREATE TRIGGER trg_unreferenced_blobs_count_delete
AFTER DELETE ON unreferenced_blobs
BEGIN
  UPDATE blob_usage SET blobs = blobs - 1, bytes = bytes - OLD.size WHERE location = 'unreferenced';
END;
CREATE TRIGGER trg_sessions_count_insert
AFTER INSERT ON sessions
BEGIN
  UPDATE session_usage SET sessions = sessions + 1 WHERE state = NEW.state;
END;
CREATE TRIGGER trg_sessions_count_state
AFTER UPDATE OF state ON sessions
WHEN NEW.state <> OLD.state
BEGIN
  UPDATE session_usage SET sessions = sessions + iif(state = NEW.state, 1, -1);
END;
CREATE TRIGGER trg_sessions_count_delete
AFTER DELETE ON sessions
BEGIN
  UPDATE session_usage SET sessions = sessions - 1 WHERE state = OLD.state;
END;

-- Each entry holds the SHA-256 over itself and the one before it. Entries from before this migration have none; the
-- first one with a hash holds them all (audit-chain.ts).
ALTER TABLE audit_entries ADD COLUMN entry_hash BLOB CHECK (entry_hash IS NULL OR length(entry_hash) = 32);
-- Entries up to this number were pruned by policy; the hash of the last of them is where the chain goes on.
CREATE TABLE audit_state (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  pruned_through INTEGER NOT NULL CHECK (pruned_through >= 0),
  pruned_hash    BLOB CHECK ((pruned_through = 0) = (pruned_hash IS NULL))
) STRICT;
INSERT INTO audit_state (id, pruned_through) VALUES (1, 0);
DROP TRIGGER trg_audit_entries_no_delete;
CREATE TRIGGER trg_audit_entries_no_delete BEFORE DELETE ON audit_entries
WHEN OLD.audit_id > (SELECT pruned_through FROM audit_state WHERE id = 1)
BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;

-- What a destructive command would do, before anybody says so. Its id is that of the operation that asked for it.
CREATE TABLE plans (
  plan_id         TEXT PRIMARY KEY,
  kind            TEXT NOT NULL CHECK (kind IN ('cleanup', 'purge', 'sweep', 'retention')),
  request         TEXT NOT NULL CHECK (json_valid(request)),
  vm              TEXT NOT NULL,
  actor           TEXT,
  state           TEXT NOT NULL CHECK (state IN ('planning', 'ready', 'checking', 'applying', 'applied', 'stale', 'expired')),
  created_at_ms   INTEGER NOT NULL,
  ready_at_ms     INTEGER,
  expires_at_ms   INTEGER NOT NULL,
  finished_at_ms  INTEGER,
  -- Where the slices of its present state stand.
  cursor          TEXT,
  -- SHA-256 over the selected rows, their versions and reference counts.
  digest          TEXT,
  -- What it selected: rows, contents whose last reference goes with them, their bytes, and how many sessions are hit.
  rows            INTEGER NOT NULL DEFAULT 0,
  blobs           INTEGER NOT NULL DEFAULT 0,
  blob_bytes      INTEGER NOT NULL DEFAULT 0,
  sessions        INTEGER NOT NULL DEFAULT 0,
  -- What applying it did. Skipped: changed after the check and before their slice.
  done_rows       INTEGER NOT NULL DEFAULT 0,
  done_blobs      INTEGER NOT NULL DEFAULT 0,
  done_blob_bytes INTEGER NOT NULL DEFAULT 0,
  skipped_rows    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX idx_plans_open ON plans (created_at_ms) WHERE state IN ('planning', 'checking', 'applying');
CREATE INDEX idx_plans_created ON plans (created_at_ms);
CREATE TABLE plan_rows (
  plan_id         TEXT NOT NULL REFERENCES plans (plan_id) ON DELETE CASCADE,
  ordinal         INTEGER NOT NULL,
  file_id         TEXT,
  session_id      TEXT,
  row_version     INTEGER,
  digest          TEXT NOT NULL,
  size            INTEGER NOT NULL,
  -- Files of the digest in all when the plan first met it, and how many of them the plan has with this row.
  reference_count INTEGER NOT NULL,
  references_met  INTEGER NOT NULL,
  PRIMARY KEY (plan_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_plan_rows_digest ON plan_rows (plan_id, digest);

-- Periodic work: when it is due next, where it stands, what came out last. Here and not in Redis, which forgets.
CREATE TABLE maintenance (
  task                TEXT PRIMARY KEY,
  due_at_ms           INTEGER,
  cursor              TEXT,
  last_started_at_ms  INTEGER,
  last_finished_at_ms INTEGER,
  last_result         TEXT CHECK (last_result IS NULL OR json_valid(last_result))
) STRICT, WITHOUT ROWID;
