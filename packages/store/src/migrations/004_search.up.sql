-- Search in names and metadata without a walk over all files: an index of trigrams, filled behind the stores by the writer's
-- maintenance. A store writes nothing here: no trigger on INSERT, and nothing that a receipt waits for.

-- The folded text of each file up to `search_state.through`, by its row number. It holds which file has which trigram and no more
-- (no text, no places): what it finds is asked of the rows themselves, so it has only to leave out nothing.
CREATE VIRTUAL TABLE file_search USING fts5(
  text, content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1'
);
-- Segments are merged by slices of their own, never inside the COMMIT of one that adds rows.
INSERT INTO file_search (file_search, rank) VALUES ('automerge', 0), ('crisismerge', 1000), ('usermerge', 8);

CREATE TABLE search_state (
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  -- Every file up to this row number is in the index as it is, or its number is noted. Never above the highest row number.
  through INTEGER NOT NULL CHECK (through >= 0),
  -- 1: rows came since segments were last found to be merged.
  merging INTEGER NOT NULL CHECK (merging IN (0, 1))
) STRICT;
INSERT INTO search_state (id, through, merging) VALUES (1, 0, 0);

-- Row numbers up to `through` whose file changed its name or metadata, or went, since it was taken into the index.
CREATE TABLE search_notes (number INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER trg_conversation_files_search_rename
AFTER UPDATE OF original_filename ON conversation_files
WHEN NEW.rowid <= (SELECT through FROM search_state WHERE id = 1)
BEGIN
  INSERT INTO search_notes (number) VALUES (NEW.rowid) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER trg_conversation_files_search_purge
AFTER DELETE ON conversation_files
WHEN OLD.rowid <= (SELECT through FROM search_state WHERE id = 1)
BEGIN
  INSERT INTO search_notes (number) VALUES (OLD.rowid) ON CONFLICT DO NOTHING;
  -- SQLite gives the numbers of the last rows that went once more, and an insert notes nothing: it has to be behind the index.
  UPDATE search_state SET through = min(through, coalesce((SELECT max(rowid) FROM conversation_files), 0)) WHERE id = 1;
END;

-- What was done to the fleet as a whole, found without walking over the audit of all files.
CREATE INDEX idx_audit_fleet ON audit_entries (audit_id) WHERE session_id IS NULL AND file_id IS NULL;
