-- Version 3: lines of trials (population-based training) and the brackets of Hyperband; studies with several metrics have the
-- views `trial_scores` and `pareto`. Views are made anew after the steps.
CREATE TABLE trial_lineage (
    trial          INTEGER PRIMARY KEY REFERENCES trial (id),
    parent         INTEGER NOT NULL REFERENCES trial (id),
    parent_epoch   INTEGER NOT NULL CHECK (parent_epoch >= 1),
    parent_attempt INTEGER,
    replaced       INTEGER NOT NULL REFERENCES trial (id)
) STRICT;
CREATE INDEX trial_lineage_by_parent ON trial_lineage (parent);

CREATE TABLE study_bracket (
    study       INTEGER NOT NULL REFERENCES study (id),
    first_trial INTEGER NOT NULL CHECK (first_trial >= 1),
    round       INTEGER NOT NULL CHECK (round >= 0),
    bracket     INTEGER NOT NULL CHECK (bracket >= 0),
    trials      INTEGER NOT NULL,
    min_epochs  INTEGER NOT NULL,
    eta         INTEGER NOT NULL,
    epochs      INTEGER NOT NULL,
    opened_ms   INTEGER NOT NULL,
    PRIMARY KEY (study, first_trial)
) STRICT, WITHOUT ROWID;
