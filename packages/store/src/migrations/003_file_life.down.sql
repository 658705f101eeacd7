-- Back to 002: figures, plans and due times go; files, contents and the audit stay. What goes for good is counted in
-- 003_file_life.loss.sql.

DROP TABLE maintenance;
DROP TABLE plan_rows;
DROP TABLE plans;
DROP TRIGGER trg_audit_entries_no_delete;
CREATE TRIGGER trg_audit_entries_no_delete BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
DROP TABLE audit_state;
ALTER TABLE audit_entries DROP COLUMN entry_hash;
DROP TRIGGER trg_sessions_count_delete;
DROP TRIGGER trg_sessions_count_state;
DROP TRIGGER trg_sessions_count_insert;
DROP TRIGGER trg_unreferenced_blobs_count_delete;
DROP TRIGGER trg_unreferenced_blobs_count_insert;
DROP TRIGGER trg_blobs_count_delete;
DROP TRIGGER trg_blobs_count_move;
DROP TRIGGER trg_blobs_count_insert;
DROP TRIGGER trg_conversation_files_count_purge;
DROP TRIGGER trg_conversation_files_count_delete;
DROP TRIGGER trg_conversation_files_count_insert;
DROP TABLE session_usage;
DROP TABLE blob_usage;
DROP TABLE usage;
DROP INDEX idx_blobs_damaged;
ALTER TABLE blobs DROP COLUMN damage;
ALTER TABLE blobs DROP COLUMN damaged_at_ms;
DROP TABLE unreferenced_blobs;
DROP TABLE retention_policy;
DROP INDEX idx_sessions_taken;
DROP INDEX idx_sessions_oldest;
DROP INDEX idx_sessions_cleaned_own;
DROP INDEX idx_sessions_cleaned;
DROP INDEX idx_sessions_ended_own;
DROP INDEX idx_sessions_ended;
ALTER TABLE sessions DROP COLUMN untaken_purge_after_ms;
ALTER TABLE sessions DROP COLUMN taken_bytes;
ALTER TABLE sessions DROP COLUMN cleaned_at_ms;
ALTER TABLE sessions DROP COLUMN purge_after_ms;
ALTER TABLE sessions DROP COLUMN soft_after_ms;
ALTER TABLE sessions DROP COLUMN hold;
