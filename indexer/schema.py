"""The tables of an index, and what marks a file as one."""

from __future__ import annotations

APPLICATION_ID = 0x7265706F  # "repo"
SCHEMA_VERSION = (
    2  # raise it when a table changes; of the rules by which files are read see `indexer.fingerprint`
)

TABLES = """
CREATE TABLE meta(
    key TEXT PRIMARY KEY,
    value
) WITHOUT ROWID;

-- The large part of a file, apart so that comparing thousands of files reads few pages. See `indexer.packing`.
CREATE TABLE contents(
    id INTEGER PRIMARY KEY,
    interface BLOB NOT NULL,      -- what other files can see of it, see indexer/resolvers/keys.py
    layout BLOB NOT NULL,         -- chunks and symbols
    uses BLOB NOT NULL,           -- references, imports and bindings
    content BLOB NOT NULL         -- secrets masked without changing lengths
);

CREATE TABLE files(
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    language TEXT NOT NULL,
    digest BLOB NOT NULL,         -- SHA-256 of the true bytes
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    read_ns INTEGER NOT NULL,     -- when the build that read it began
    n_lines INTEGER NOT NULL,
    degraded TEXT NOT NULL,
    package TEXT NOT NULL,        -- as the file states it
    content_id INTEGER NOT NULL UNIQUE REFERENCES contents(id)
);

-- Chunks and symbols have here what is looked for; the rest is in the layout of their file, at `position`.
CREATE TABLE chunks(
    id INTEGER PRIMARY KEY,       -- from meta.next_chunk: never given twice
    file_id INTEGER NOT NULL REFERENCES files(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL
);

CREATE TABLE symbols(
    id INTEGER PRIMARY KEY,       -- from meta.next_symbol: stays while (path, qualname) does
    file_id INTEGER NOT NULL REFERENCES files(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    qualname TEXT NOT NULL,
    kind TEXT NOT NULL
);

CREATE TABLE edges(
    source INTEGER NOT NULL REFERENCES symbols(id) ON DELETE CASCADE,
    target INTEGER NOT NULL REFERENCES symbols(id) ON DELETE CASCADE,
    kind INTEGER NOT NULL,        -- its number in indexer.adjacency.KINDS
    weight REAL NOT NULL,
    line INTEGER NOT NULL,
    PRIMARY KEY(source, target, kind)
) WITHOUT ROWID;

-- What the resolution of a file looked at, found or not.
CREATE TABLE dependencies(
    file_id INTEGER PRIMARY KEY REFERENCES files(id) ON DELETE CASCADE,
    keys BLOB NOT NULL,           -- 32 bits each, see indexer/resolvers/keys.py
    closure BLOB NOT NULL         -- of its stars, the same
);

-- Files that are not indexed. Those that were read have the state that they had, so that they are not read
-- again.
CREATE TABLE skips(
    path BLOB NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    read_ns INTEGER NOT NULL      -- 0: judged by its directory entry
) WITHOUT ROWID;
"""

# Apart from the tables: in a first index they are made when the rows are in, in a third of the time.
ROW_INDEXES = """
CREATE INDEX files_degraded ON files(degraded) WHERE degraded != '';
CREATE INDEX chunks_of_file ON chunks(file_id);
CREATE INDEX symbols_of_file ON symbols(file_id);
CREATE INDEX symbols_by_name ON symbols(name);
"""
LINK_INDEXES = """
CREATE INDEX edges_by_target ON edges(target);
"""
