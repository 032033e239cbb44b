-- The trail of a study is read by its subjects: cases, runs, publications, evidence and deliveries. What reception says of
-- each object is most of the trail, and is told by receipts: no index over it.
CREATE INDEX audit_subject ON audit (subject) WHERE substr(action, 1, 4) IN ('case', 'run/', 'publ', 'evid', 'deli');
