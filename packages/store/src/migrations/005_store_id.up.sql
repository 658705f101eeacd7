-- Which store this is: made once, the same for ever, in every backup and after every restore. A Redis remembers it, and takes
-- no writer of another store, whatever its epoch.

CREATE TABLE store (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  -- A UUID of version 4.
  store_id TEXT NOT NULL CHECK (length(store_id) = 36)
) STRICT;
-- 005 going down leaves it in the table of maintenance, so that going down to 003 or 004 and up again keeps it.
INSERT INTO store (id, store_id)
SELECT 1, coalesce(
  (SELECT cursor FROM maintenance WHERE task = 'store-id'),
  lower(substr(u, 1, 8) || '-' || substr(u, 9, 4) || '-4' || substr(u, 14, 3) || '-a' || substr(u, 18, 3)
        || '-' || substr(u, 21, 12)))
FROM (SELECT hex(randomblob(16)) AS u);
DELETE FROM maintenance WHERE task = 'store-id';
