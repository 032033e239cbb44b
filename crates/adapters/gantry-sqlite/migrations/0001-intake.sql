-- Texts that many rows share: sites, study and series UIDs, classes, syntaxes. Looked up by a 64-bit hash, because an
-- index over 60-character UIDs would be most of the database.
CREATE TABLE name (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX name_hash ON name (hash);

CREATE TABLE study (
    site INTEGER NOT NULL REFERENCES name,
    uid INTEGER NOT NULL REFERENCES name,
    first_received INTEGER NOT NULL,
    patient_id TEXT NOT NULL,
    patient_id_issuer TEXT NOT NULL,
    patient_name TEXT NOT NULL,
    accession_number TEXT NOT NULL,
    study_date TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (uid, site)
) WITHOUT ROWID;
CREATE INDEX study_accession ON study (accession_number) WHERE accession_number <> '';
CREATE INDEX study_received ON study (first_received);

CREATE TABLE series (
    site INTEGER NOT NULL REFERENCES name,
    study INTEGER NOT NULL REFERENCES name,
    uid INTEGER NOT NULL REFERENCES name,
    modality TEXT NOT NULL,
    number TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (study, site, uid)
) WITHOUT ROWID;

CREATE TABLE object (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL REFERENCES name,
    study INTEGER NOT NULL REFERENCES name,
    series INTEGER NOT NULL REFERENCES name,
    sop_hash INTEGER NOT NULL,
    sop_instance TEXT NOT NULL,
    sop_class INTEGER NOT NULL REFERENCES name,
    transfer_syntax INTEGER NOT NULL REFERENCES name,
    container INTEGER NOT NULL,
    place INTEGER NOT NULL,
    length INTEGER NOT NULL,
    head_bytes INTEGER NOT NULL,
    digest BLOB NOT NULL,
    revision INTEGER NOT NULL,
    standing INTEGER NOT NULL
);
CREATE INDEX object_sop ON object (sop_hash);
CREATE INDEX object_study ON object (study);
CREATE INDEX object_place ON object (container, place);

CREATE TABLE association (
    id INTEGER PRIMARY KEY,
    called TEXT NOT NULL,
    calling TEXT NOT NULL,
    address TEXT NOT NULL,
    began INTEGER NOT NULL,
    ended INTEGER,
    end_kind INTEGER
);
CREATE INDEX association_open ON association (id) WHERE ended IS NULL;

CREATE TABLE receipt (
    id INTEGER PRIMARY KEY,
    object INTEGER NOT NULL,
    association INTEGER NOT NULL,
    received INTEGER NOT NULL,
    reception INTEGER NOT NULL,
    deviations TEXT NOT NULL
);
CREATE INDEX receipt_object ON receipt (object);

CREATE TABLE refusal (
    called TEXT NOT NULL,
    calling TEXT NOT NULL,
    address TEXT NOT NULL,
    reason TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (called, calling, address)
) WITHOUT ROWID;
CREATE INDEX refusal_last ON refusal (last);

-- Append-only (RD1).
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL);
INSERT INTO counter VALUES (1, 0);
