-- Studies that something came to since they were looked at.
CREATE TABLE attention (
    site INTEGER NOT NULL REFERENCES name,
    study INTEGER NOT NULL REFERENCES name,
    mark INTEGER NOT NULL,
    PRIMARY KEY (study, site)
) WITHOUT ROWID;

-- States of durable machines: 0 case, 1 run, 2 delivery.
CREATE TABLE machine (
    site INTEGER NOT NULL REFERENCES name,
    kind INTEGER NOT NULL,
    study INTEGER NOT NULL REFERENCES name,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    due INTEGER,
    PRIMARY KEY (study, kind, name, site)
) WITHOUT ROWID;
CREATE INDEX machine_due ON machine (due) WHERE due IS NOT NULL;
