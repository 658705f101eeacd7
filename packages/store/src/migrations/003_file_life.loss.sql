-- What going back from 003 would lose: one row per kind, with how many there are. Figures and due times are worked out
-- again and are not lost.

SELECT 'held sessions (sessions): nothing would say that they are kept for ever' AS what, count(*) AS rows
  FROM sessions WHERE hold = 1
UNION ALL SELECT 'sessions with a retention of their own (sessions)', count(*) FROM sessions
  WHERE soft_after_ms IS NOT NULL OR purge_after_ms IS NOT NULL
UNION ALL SELECT 'sessions that retention has cleaned (sessions)', count(*) FROM sessions WHERE cleaned_at_ms IS NOT NULL
UNION ALL SELECT 'a retention policy other than the first one (retention_policy)', count(*) FROM retention_policy
  WHERE soft_after_ms <> 2592000000 OR purge_after_ms <> 2592000000 OR idle_after_ms IS NOT NULL OR space_bytes IS NOT NULL
UNION ALL SELECT 'contents known to be damaged (blobs)', count(*) FROM blobs WHERE damaged_at_ms IS NOT NULL
UNION ALL SELECT 'audit entries that hold each other (audit_entries): the chain goes', count(*) FROM audit_entries
  WHERE entry_hash IS NOT NULL
UNION ALL SELECT 'plans that are not finished (plans)', count(*) FROM plans
  WHERE state IN ('planning', 'ready', 'checking', 'applying')
