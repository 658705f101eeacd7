-- What going back from 005 would lose: nothing as far as 003, where the id waits in the table of maintenance. From below 003
-- a store comes up with another id; the Redis that knew it says so, and how its writer is let in.

SELECT 'nothing' AS what, 0 AS rows;
