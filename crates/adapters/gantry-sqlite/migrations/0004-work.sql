ALTER TABLE study ADD COLUMN accession_issuer TEXT NOT NULL DEFAULT '';

-- What is offered to whoever is free (lane: 0 urgent, 1 routine, 2 background), and what waits for a person.
ALTER TABLE machine ADD COLUMN offer_lane INTEGER;
ALTER TABLE machine ADD COLUMN offered INTEGER;
ALTER TABLE machine ADD COLUMN person INTEGER;
ALTER TABLE machine ADD COLUMN case_kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE machine ADD COLUMN case_key TEXT NOT NULL DEFAULT '';
DROP INDEX machine_due;
CREATE INDEX machine_due ON machine (kind, due) WHERE due IS NOT NULL;
CREATE INDEX machine_offered ON machine (kind, offer_lane, offered) WHERE offered IS NOT NULL;
CREATE INDEX machine_person ON machine (person) WHERE person IS NOT NULL;

-- What a case is: 0 a study; later an order, a patient, a set of studies, which `case_key` names then.
CREATE TABLE payload (
    id INTEGER PRIMARY KEY,
    case_kind INTEGER NOT NULL DEFAULT 0,
    case_key TEXT NOT NULL DEFAULT '',
    site INTEGER NOT NULL REFERENCES name,
    study INTEGER NOT NULL REFERENCES name,
    workflow TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    digest BLOB NOT NULL,
    frozen INTEGER NOT NULL,
    UNIQUE (study, workflow, ordinal, site, case_kind, case_key)
);
CREATE TABLE payload_item (
    payload INTEGER NOT NULL REFERENCES payload,
    place INTEGER NOT NULL,
    input TEXT NOT NULL,
    object INTEGER NOT NULL REFERENCES object,
    PRIMARY KEY (payload, place)
) WITHOUT ROWID;

CREATE TABLE late (
    object INTEGER NOT NULL REFERENCES object,
    workflow TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    site INTEGER NOT NULL REFERENCES name,
    study INTEGER NOT NULL REFERENCES name,
    noticed INTEGER NOT NULL,
    PRIMARY KEY (object, workflow, ordinal)
) WITHOUT ROWID;
CREATE INDEX late_study ON late (study);

CREATE TABLE run (
    id TEXT PRIMARY KEY,
    case_kind INTEGER NOT NULL DEFAULT 0,
    case_key TEXT NOT NULL DEFAULT '',
    site INTEGER NOT NULL REFERENCES name,
    study INTEGER NOT NULL REFERENCES name,
    workflow TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest BLOB NOT NULL,
    ordinal INTEGER NOT NULL,
    began INTEGER NOT NULL,
    offset_minutes INTEGER NOT NULL,
    lane INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX run_study ON run (study);
CREATE TABLE run_package (
    run TEXT NOT NULL REFERENCES run,
    task TEXT NOT NULL,
    app TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (run, task)
) WITHOUT ROWID;

CREATE TABLE result (
    run TEXT NOT NULL REFERENCES run,
    task TEXT NOT NULL,
    fence INTEGER NOT NULL,
    node TEXT NOT NULL,
    began INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    PRIMARY KEY (run, task)
) WITHOUT ROWID;
CREATE TABLE result_file (
    run TEXT NOT NULL,
    task TEXT NOT NULL,
    name TEXT NOT NULL,
    container INTEGER NOT NULL,
    place INTEGER NOT NULL,
    length INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (run, task, name)
) WITHOUT ROWID;
CREATE INDEX result_file_place ON result_file (container, place);

CREATE TABLE evidence (
    sop_hash INTEGER NOT NULL,
    sop_instance TEXT NOT NULL,
    site INTEGER NOT NULL REFERENCES name,
    sop_class INTEGER NOT NULL REFERENCES name,
    transfer_syntax INTEGER NOT NULL REFERENCES name,
    study INTEGER NOT NULL REFERENCES name,
    series INTEGER NOT NULL REFERENCES name,
    run TEXT NOT NULL REFERENCES run,
    task TEXT NOT NULL,
    destination TEXT NOT NULL,
    class TEXT NOT NULL,
    container INTEGER NOT NULL,
    place INTEGER NOT NULL,
    length INTEGER NOT NULL,
    head_bytes INTEGER NOT NULL,
    digest BLOB NOT NULL,
    made INTEGER NOT NULL,
    PRIMARY KEY (sop_hash, sop_instance, site)
) WITHOUT ROWID;
CREATE INDEX evidence_study ON evidence (study);
CREATE INDEX evidence_made ON evidence (made);
CREATE INDEX evidence_place ON evidence (container, place);

-- Whom objects say that they are of, each once for a study.
CREATE TABLE identity (
    site INTEGER NOT NULL REFERENCES name,
    study INTEGER NOT NULL REFERENCES name,
    patient_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    PRIMARY KEY (study, site, patient_id, issuer)
) WITHOUT ROWID;
