-- What going back from 004 would lose: nothing that is not worked out again.

SELECT 'nothing' AS what, 0 AS rows;
