-- Revisions that somebody needs told apart: few, and looked for with every turn.
CREATE INDEX object_wanted ON object (id) WHERE standing = 2;
