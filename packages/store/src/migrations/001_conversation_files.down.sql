-- Back to an empty file. The version row goes with its table.

DROP VIEW v_pending_cleanups;
DROP VIEW v_session_file_summary;
DROP VIEW v_active_files;
DROP TABLE file_cleanup_queue;
DROP TABLE file_access_log;
DROP TABLE session_file_associations;
DROP TABLE file_metadata;
DROP TABLE conversation_files;
DROP TABLE schema_migrations;
