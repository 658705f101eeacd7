-- Back to 003. Nothing is lost: everything here is worked out again from names and metadata.

DROP INDEX idx_audit_fleet;
DROP TRIGGER trg_conversation_files_search_purge;
DROP TRIGGER trg_conversation_files_search_rename;
DROP TABLE search_notes;
DROP TABLE search_state;
DROP TABLE file_search;
