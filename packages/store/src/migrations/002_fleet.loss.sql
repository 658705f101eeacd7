-- What going back from 002 would lose: one row per kind, with how many there are. What 001 can hold, or what 002
-- would work out again from it, is not lost: a session that is live, a time that 001 has to the second.

SELECT 'receipts in the ledger: operations that come again would be executed again' AS what, count(*) AS rows FROM ledger
UNION ALL SELECT 'last numbers of producers (producer_sequences)', count(*) FROM producer_sequences
UNION ALL SELECT 'contents kept inside the database (blob_bytes): their bytes go', count(*) FROM blob_bytes
UNION ALL SELECT 'contents whose place on disk would be forgotten (blobs)', count(*) FROM blobs WHERE location = 'file'
UNION ALL SELECT 'audit entries (audit_entries)', count(*) FROM audit_entries
  WHERE commit_sequence > 0 OR file_id NOT IN (SELECT file_id FROM file_access_log)
UNION ALL SELECT 'ended sessions (sessions)', count(*) FROM sessions WHERE state = 'ended'
UNION ALL SELECT 'dead letters (dead_letters)', count(*) FROM dead_letters
UNION ALL SELECT 'quarantined jobs (quarantine)', count(*) FROM quarantine
UNION ALL SELECT 'jobs suspected of killing the writer (suspects)', count(*) FROM suspects
UNION ALL SELECT 'tenures of writers (writer_epochs)', count(*) FROM writer_epochs
UNION ALL SELECT 'group commits counted (commit_state)', commit_sequence FROM commit_state
UNION ALL SELECT 'files whose VM is known', count(*) FROM conversation_files WHERE vm IS NOT NULL
UNION ALL SELECT 'files whose declared type is known', count(*) FROM conversation_files WHERE declared_mime_type IS NOT NULL
UNION ALL SELECT 'files whose origin is known', count(*) FROM conversation_files WHERE origin_file_id IS NOT NULL
UNION ALL SELECT 'files whose version number is above 1', count(*) FROM conversation_files WHERE row_version > 1
UNION ALL SELECT 'upload times to the millisecond', count(*) FROM conversation_files
  WHERE uploaded_at_ms <> CAST(round((julianday(uploaded_at) - 2440587.5) * 86400000) AS INTEGER)
UNION ALL SELECT 'deletion times to the millisecond', count(*) FROM conversation_files
  WHERE deleted_at_ms <> CAST(round((julianday(deleted_at) - 2440587.5) * 86400000) AS INTEGER)
