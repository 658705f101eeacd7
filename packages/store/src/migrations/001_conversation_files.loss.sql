-- What going back from 001 would lose: one row per kind, with how many there are. Kinds with none are left out by the runner.

SELECT 'conversation files' AS what, count(*) AS rows FROM conversation_files
UNION ALL SELECT 'metadata entries', count(*) FROM file_metadata
UNION ALL SELECT 'associations with messages', count(*) FROM session_file_associations
UNION ALL SELECT 'access log entries', count(*) FROM file_access_log
UNION ALL SELECT 'cleanup entries', count(*) FROM file_cleanup_queue
