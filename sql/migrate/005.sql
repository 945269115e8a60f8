-- Version 5: studies that the master could not read are set aside and told. Views are made anew after the steps.
CREATE TABLE study_unreadable (
    study INTEGER PRIMARY KEY REFERENCES study (id),
    at_ms INTEGER NOT NULL,
    text  TEXT    NOT NULL,
    hint  TEXT    NOT NULL
) STRICT;
