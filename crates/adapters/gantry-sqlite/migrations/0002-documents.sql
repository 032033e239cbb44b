CREATE TABLE document (
    site INTEGER NOT NULL REFERENCES name,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest BLOB NOT NULL,
    text TEXT NOT NULL,
    applied INTEGER NOT NULL,
    PRIMARY KEY (site, kind, name, version)
) WITHOUT ROWID;
