-- schema.sql: what Hone remembers. One file holds every study, trial, attempt and epoch, for ever.
--
-- How to read it: a study has trials; a trial is one point of the study's space (param rows) and has attempts;
-- an attempt runs on one worker and leaves epochs, their metrics and checkpoints. Whatever happened to a trial is
-- one trial_event row each. People rather read views.sql, and one view per study that is named like the study.
--
-- Conventions. Tables are STRICT: a column holds its type or NULL. *_ms are milliseconds of Unix time (or a length
-- in milliseconds where it says so). NULL means "not yet" or "none", never zero. A metric that was NaN or infinite
-- is NULL. Seeds are 64 bits without a sign, stored as the signed integer of the same bits. Trials are referred to
-- by their id here and by (study, number) wherever a person reads.
--
-- The writer is the master alone (sql/store); everyone else reads. A change of this file needs a step in migrate/.

PRAGMA application_id = 1213156933; -- the bytes "HONE"
PRAGMA user_version = 5;            -- the newest step of migrate/


-- meta: facts about the file itself. Keys: uuid (128 random bits in hex: a worker that holds attempts of another
-- store stops them), hone (version that made the file), address (where the running master is to be reached; no row
-- while none runs, or a stale one after a crash).
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;


-- study: one search. The definition is the study file as submitted, in one line, seeds filled in: everything that
-- can be derived from it (space, sampler, budget) is, and nothing is stored twice but what views need. What a study
-- is doing is derived from its trials; only the user's wish is state.
CREATE TABLE study (
    id           INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE COLLATE NOCASE, -- also the name of its flat view
    definition   TEXT    NOT NULL CHECK (json_valid(definition)),
    base         TEXT    NOT NULL,                       -- folder of the study file; relative paths start there
    seed         INTEGER NOT NULL,                       -- key of every random draw of its samplers
    metric       TEXT    NOT NULL,                       -- what trials are ranked by
    goal         TEXT    NOT NULL CHECK (goal IN ('maximize', 'minimize')),
    wish         TEXT    NOT NULL CHECK (wish IN ('run', 'pause', 'stop')),
    priority     REAL    NOT NULL,                       -- higher is served first
    weight       REAL    NOT NULL,                       -- share of the workers among equals
    created_ms   INTEGER NOT NULL,
    ended_ms     INTEGER,
    wall_used_ms INTEGER NOT NULL DEFAULT 0,             -- a length: while a master ran the study
    slot_used_ms INTEGER NOT NULL DEFAULT 0,             -- a length: what its attempts held slots, summed up
    end_reason   TEXT CHECK (end_reason IN ('trials', 'target', 'wall', 'failed', 'epochs', 'slot_hours',
                                            'stopped', 'exhausted', 'checks')),
    checks       TEXT NOT NULL DEFAULT 'wanted' CHECK (checks IN ('wanted', 'force', 'skip')), -- before its first trial
    checked      TEXT CHECK (checked IN ('passed', 'failed')), -- what came of them; NULL: not yet
    CHECK ((ended_ms IS NULL) = (end_reason IS NULL))
) STRICT;


-- study_param: the axes of the space in the order of the study file: columns of the flat view, order of a printed
-- point. The definition is the parameter's own JSON, the source of truth is still study.definition.
CREATE TABLE study_param (
    study      INTEGER NOT NULL REFERENCES study (id),
    position   INTEGER NOT NULL,                         -- from 0
    name       TEXT    NOT NULL COLLATE NOCASE,
    dist       TEXT    NOT NULL,                         -- uniform, log, logit, int, values, choice
    definition TEXT    NOT NULL CHECK (json_valid(definition)),
    PRIMARY KEY (study, position),
    UNIQUE (study, name)
) STRICT, WITHOUT ROWID;


-- metric: names of what trainers report besides the study's own metric, one row when a study first sees the name.
-- epoch_metric refers to it by number: the file is 30 % smaller than with the text in every row, at the same speed. A
-- study has at most 4000; what is reported under further names is not kept.
CREATE TABLE metric (
    id    INTEGER PRIMARY KEY,
    study INTEGER NOT NULL REFERENCES study (id),
    name  TEXT    NOT NULL,
    UNIQUE (study, name)
) STRICT;


-- worker: a process that trained or trains for us. The same process (uuid) keeps its row when it comes back.
CREATE TABLE worker (
    id        INTEGER PRIMARY KEY,
    uuid      TEXT    NOT NULL UNIQUE,                   -- drawn by the worker at its start
    name      TEXT    NOT NULL,                          -- what people call it
    host      TEXT    NOT NULL,
    version   TEXT    NOT NULL,                          -- of its hone
    platform  TEXT    NOT NULL,                          -- cpu and libraries that numbers depend on
    pid       INTEGER NOT NULL,
    slots     INTEGER NOT NULL,                          -- trainers at a time
    joined_ms INTEGER NOT NULL,                          -- the last time it said hello
    left_ms   INTEGER,                                   -- NULL: connected, as far as we know
    left_why  TEXT,                                      -- bye, lost, revoked
    mode      TEXT    NOT NULL DEFAULT 'open'            -- takes jobs; takes none and leaves; one at a time: they fail
              CHECK (mode IN ('open', 'draining', 'quarantined')),
    failed_in_row INTEGER NOT NULL DEFAULT 0,            -- attempts that failed there since the last that did well
    gpus      TEXT,                                      -- that its slots share, as in 0,1,2,3; NULL: none that it knows
    gpus_out  TEXT                                       -- of these, where trials fail and others' do not: one at a time
) STRICT;


-- trial: one point to be trained with one seed, numbered from 1 in its study, for ever. Repeats of a point form a
-- group, named by the number of its first trial. status moves along the edges of common/trial_status.def and
-- nowhere else; each move leaves a trial_event. Score and epochs are kept here, so that ranking a study reads
-- trials and not curves.
CREATE TABLE trial (
    id              INTEGER PRIMARY KEY,
    study           INTEGER NOT NULL REFERENCES study (id),
    number          INTEGER NOT NULL CHECK (number >= 1),
    "group"         INTEGER NOT NULL CHECK ("group" BETWEEN 1 AND number),
    repeat          INTEGER NOT NULL CHECK (repeat >= 0), -- 0 for the first of its group
    status          TEXT    NOT NULL CHECK (status IN ('waiting', 'running', 'paused', 'complete', 'pruned',
                                                       'failed', 'cancelled')),
    cause           TEXT,                                -- why it is in this status: diverged, budget, exit, ...
    seed            INTEGER NOT NULL,                    -- the trainer's
    sampler         TEXT    NOT NULL,                    -- who proposed the point; enqueued, repeat, confirm; or seeds:
                                                         -- one of its group once more, beyond the search (hone ensemble)
    sampler_version INTEGER NOT NULL,
    seq_cut         INTEGER NOT NULL,                    -- the history it saw: rows up to this seq
    why             TEXT,                                -- one sentence of the sampler
    platform        TEXT,                                -- where the proposal was computed
    fit             TEXT CHECK (fit IS NULL OR json_valid(fit)), -- what the model's fit ended in: the next starts there
    attempt         INTEGER NOT NULL DEFAULT 0,          -- the newest, 0: none yet
    until           INTEGER NOT NULL,                    -- stops after this epoch
    epochs          INTEGER NOT NULL,                    -- length of the whole training; schedules use it
    last_epoch      INTEGER NOT NULL DEFAULT 0,          -- of the newest attempt
    best_epoch      INTEGER,                             -- the score's epoch
    score           REAL,                                -- NULL: none, or not finite (the worst of all)
    own_failures    INTEGER NOT NULL DEFAULT 0,          -- of its own making, against max_attempts
    lost_on         INTEGER NOT NULL DEFAULT 0,          -- different workers that were lost with it
    created_ms      INTEGER NOT NULL,
    started_ms      INTEGER,                             -- first dispatched
    ended_ms        INTEGER,                             -- NULL unless its status is final
    deleted_ms      INTEGER,                             -- `hone delete`: hidden from people and samplers; NULL: not
    UNIQUE (study, number)
) STRICT;


-- param: the point. One row per parameter that is active in the trial; a parameter whose `when` does not hold has
-- none. Numbers as values, never as exponents or indices; whole ones as INTEGER, so that 128 reads 128. Choices of
-- text are TEXT, true and false the texts 'true' and 'false'.
CREATE TABLE param (
    trial INTEGER NOT NULL REFERENCES trial (id),
    name  TEXT    NOT NULL,
    value ANY     NOT NULL,
    PRIMARY KEY (trial, name)
) STRICT, WITHOUT ROWID;


-- attempt: one run of a trial on one worker. The token is what a worker must show with every report. The lease's
-- deadline is in the master's memory, on the monotonic clock: a row that was running when the master died is
-- running when it comes back, with a fresh lease. An attempt is fenced when a later one is dispatched.
CREATE TABLE attempt (
    trial      INTEGER NOT NULL REFERENCES trial (id),
    attempt    INTEGER NOT NULL CHECK (attempt >= 1),
    worker     INTEGER NOT NULL REFERENCES worker (id),
    token      TEXT    NOT NULL,                         -- 128 random bits, hex
    from_epoch INTEGER NOT NULL DEFAULT 0,               -- resumed from this epoch's checkpoint, 0: from the start
    started_ms INTEGER NOT NULL,
    ended_ms   INTEGER,
    outcome    TEXT CHECK (outcome IN ('finished', 'stopped', 'failed', 'preempted', 'refused', 'lost', 'fenced')),
    cause      TEXT,                                     -- of that outcome: exit, signal, no_metric, oom, ...
    detail     TEXT,                                     -- for people: last lines of the log, a message
    PRIMARY KEY (trial, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_by_worker ON attempt (worker, started_ms);
CREATE INDEX attempt_open ON attempt (trial) WHERE outcome IS NULL;


-- epoch: epoch n is the state after n full passes; 0 is before training. A trial that was resumed has some epochs
-- twice, by different attempts: the row of the newest attempt counts (view epoch_counted), the others stay as
-- evidence. The key runs (trial, epoch, attempt), so that the row that counts is the last one of its epoch and a
-- curve is one stretch of the table. seq orders epochs and trial_events in one row of events: a sampler or pruner
-- that saw "everything up to seq" can be replayed.
CREATE TABLE epoch (
    trial       INTEGER NOT NULL,
    epoch       INTEGER NOT NULL CHECK (epoch >= 0),
    attempt     INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    value       REAL,                                    -- the study's metric; NULL: NaN or infinite
    seconds     REAL,                                    -- a length: what the trainer says the epoch took
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (trial, epoch, attempt),
    FOREIGN KEY (trial, attempt) REFERENCES attempt (trial, attempt)
) STRICT, WITHOUT ROWID;


-- epoch_metric: everything else a trainer said about that epoch (losses, other accuracies), one row per metric.
CREATE TABLE epoch_metric (
    trial   INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    metric  INTEGER NOT NULL REFERENCES metric (id),
    value   REAL,                                        -- NULL: NaN or infinite
    PRIMARY KEY (trial, epoch, attempt, metric),
    FOREIGN KEY (trial, epoch, attempt) REFERENCES epoch (trial, epoch, attempt)
) STRICT, WITHOUT ROWID;


-- checkpoint: saved training state after an epoch. A trainer resumes from the newest row, never from the newest
-- file: a kept row says that the file is whole. Files lie in <db>.d/<study>/t00042/a2/.
--
-- state: offered (a worker has it in a folder of its own and the master wants it), kept, doomed (the study's keep policy
-- lets it go; the file is deleted after this is committed, and again at the next start if that was cut short), gone
-- (deleted, or never arrived; the row stays as history).
CREATE TABLE checkpoint (
    trial      INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    path       TEXT    NOT NULL,                         -- relative to <db>.d, or absolute
    bytes      INTEGER NOT NULL,
    hash       TEXT    NOT NULL,                         -- BLAKE2b-128 of the file, hex
    created_ms INTEGER NOT NULL,
    state      TEXT    NOT NULL DEFAULT 'kept' CHECK (state IN ('offered', 'kept', 'doomed', 'gone')),
    PRIMARY KEY (trial, attempt, epoch),
    FOREIGN KEY (trial, attempt) REFERENCES attempt (trial, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX checkpoint_live ON checkpoint (trial) WHERE state IN ('offered', 'kept');
CREATE INDEX checkpoint_offered ON checkpoint (trial) WHERE state = 'offered';
CREATE INDEX checkpoint_doomed ON checkpoint (trial) WHERE state = 'doomed';


-- trial_finding: what looked wrong with a training while it ran, in the order it was reported: the rule (D0 to D13 of
-- the built-in trainer's babysitter, or a name of another trainer's own), the evidence and what to try. A rule speaks
-- once per attempt. action stop ended the trial as pruned(babysit), where it had not ended already.
CREATE TABLE trial_finding (
    id      INTEGER PRIMARY KEY,
    trial   INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,
    rule    TEXT    NOT NULL,
    action  TEXT    NOT NULL CHECK (action IN ('suggest', 'warn', 'stop')),
    text    TEXT    NOT NULL,                            -- the evidence, with numbers
    advice  TEXT    NOT NULL,                            -- '' if there is none
    FOREIGN KEY (trial, attempt) REFERENCES attempt (trial, attempt)
) STRICT;
CREATE INDEX trial_finding_by_trial ON trial_finding (trial, epoch);


-- trial_event: the diary. One row per move of a trial (and a first one when it was sampled or enqueued); detail is
-- JSON: what the decision saw (a pruner's value and rung, its seq), for replay and for `hone show`.
CREATE TABLE trial_event (
    seq         INTEGER PRIMARY KEY,                     -- one counter with epoch.seq
    trial       INTEGER NOT NULL REFERENCES trial (id),
    at_ms       INTEGER NOT NULL,
    event       TEXT    NOT NULL,                        -- sampled, and the events of common/trial_status.def
    from_status TEXT,                                    -- NULL: it was not there before
    to_status   TEXT    NOT NULL,
    cause       TEXT,
    attempt     INTEGER,                                 -- the newest attempt then, NULL: none
    detail      TEXT
) STRICT;
CREATE INDEX trial_event_by_trial ON trial_event (trial);


-- box: where a study searches, from this row on. The first box of a study is its space and has no row; each later one
-- was made by a stage that ended or by a wall that moved. walls is the whole box, so that a master that comes back
-- and a replay read one row and not a history: {"lr": {"low": 1e-4, "high": 1e-2, "t": [-9.2, -4.6]}, "optimizer":
-- {"keep": ["adam"]}}: values as trainers see them, beside them on the parameter's own scale; the choices still tried.
CREATE TABLE box (
    seq     INTEGER PRIMARY KEY,                         -- one counter with trial_event and epoch
    study   INTEGER NOT NULL REFERENCES study (id),
    at_ms   INTEGER NOT NULL,
    stage   INTEGER NOT NULL CHECK (stage >= 0),         -- from 0; always 0 without stages
    carried INTEGER NOT NULL DEFAULT 0,                  -- trials of earlier stages that count among this one's
    trials  INTEGER NOT NULL,                            -- finished trials it was made from
    walls   TEXT    NOT NULL CHECK (json_valid(walls))
) STRICT;
CREATE INDEX box_by_study ON box (study, seq);


-- box_event: what was seen at a wall and what was done about it, with the evidence. verdict: warn (good trials lean on
-- it), ask (it waits for `hone approve`), grow (it moved), at_limit, diverged (everything further out diverged: it
-- stays), shrink and drop (stages). Positions are in box widths, 0 the low wall and 1 the high one.
CREATE TABLE box_event (
    seq         INTEGER PRIMARY KEY,                     -- one counter with trial_event and epoch
    study       INTEGER NOT NULL REFERENCES study (id),
    at_ms       INTEGER NOT NULL,
    stage       INTEGER NOT NULL,
    param       TEXT    NOT NULL,
    side        TEXT    NOT NULL CHECK (side IN ('low', 'high', 'both')),
    verdict     TEXT    NOT NULL,
    best        REAL,                                    -- position of the best trial
    lean        REAL,                                    -- mean position of the top group, from the far wall
    slope       REAL,                                    -- t of the slope of the score at the wall, outward
    trend       REAL,                                    -- Spearman's rank correlation, outward
    top         INTEGER NOT NULL,                        -- size of the top group
    trials      INTEGER NOT NULL,                        -- all that were looked at
    before_low  REAL, before_high REAL,                  -- walls before, values as trainers see them
    after_low   REAL, after_high  REAL,
    choice      TEXT,                                    -- of drop: the value no longer tried
    behind      TEXT    NOT NULL CHECK (json_valid(behind)), -- numbers of the best trials, best first
    text        TEXT    NOT NULL,                        -- as it was told
    approved_ms INTEGER                                  -- of ask: when somebody said yes; NULL: not yet
) STRICT;
CREATE INDEX box_event_by_study ON box_event (study, seq);


-- check_result: what was looked at before a study's first trial (gates G1 to G6 and the data, common/check_result.h),
-- and on each further worker before its first trial of a command (G4 alone). A study that is checked again, because
-- something was wrong, adds rows: the newest at_ms counts. Verdicts from best to worst: good, fine, suspicious, wrong.
CREATE TABLE check_result (
    id       INTEGER PRIMARY KEY,
    study    INTEGER NOT NULL REFERENCES study (id),
    worker   INTEGER NOT NULL REFERENCES worker (id),
    at_ms    INTEGER NOT NULL,
    smoke    INTEGER NOT NULL CHECK (smoke IN (0, 1)),     -- 1: a further worker's one epoch
    gate     TEXT    NOT NULL,                             -- G1, …, G6, data
    name     TEXT    NOT NULL,
    part     TEXT,                                         -- layer and block; NULL: the whole
    verdict  TEXT    NOT NULL CHECK (verdict IN ('skipped', 'good', 'fine', 'suspicious', 'wrong')),
    value    REAL,                                         -- what was measured
    expected REAL,                                         -- what it was held against
    text     TEXT    NOT NULL,                             -- the reason, with numbers
    hint     TEXT                                          -- what to do
) STRICT;
CREATE INDEX check_result_by_study ON check_result (study, at_ms);
-- warm: what a study knows before its first trial ("warm_start"): finished trials of another study, copied when it was
-- submitted, so that the search and its replay need that study no more. They are no trials of this study.
CREATE TABLE warm (
    study  INTEGER NOT NULL REFERENCES study (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    source TEXT    NOT NULL,                             -- name of the other study
    trial  INTEGER NOT NULL,                             -- its trial's number
    params TEXT    NOT NULL CHECK (json_valid(params)),
    pruned INTEGER NOT NULL CHECK (pruned IN (0, 1)),
    epochs INTEGER NOT NULL,
    score  REAL,                                         -- NULL: failed or diverged
    PRIMARY KEY (study, number)
) STRICT, WITHOUT ROWID;


-- study_event: what people did to a study while it lived, one row a change: edit (path is that of the study file,
-- before and after are JSON, NULL where the key is not there), approve (path is the parameter, after the list of the
-- box_events that were approved), rename. study.definition is always the newest; going back through the edits gives
-- the definition that a proposal was made under.
CREATE TABLE study_event (
    seq    INTEGER PRIMARY KEY,                          -- one counter with trial_event, epoch, box and box_event
    study  INTEGER NOT NULL REFERENCES study (id),
    at_ms  INTEGER NOT NULL,
    event  TEXT    NOT NULL CHECK (event IN ('edit', 'approve', 'rename')),
    path   TEXT,
    before TEXT CHECK (before IS NULL OR json_valid(before)),
    after  TEXT CHECK (after IS NULL OR json_valid(after)),
    who    TEXT    NOT NULL                              -- user and host, as the command said
) STRICT;
CREATE INDEX study_event_by_study ON study_event (study, seq);


-- trial_lineage: trials that were not trained from their own start but from another trial's checkpoint (population-based
-- training): the child, its parent, and the epoch that both have in common. The checkpoint is that of (parent,
-- parent_attempt, parent_epoch); NULL: the parent had none, and the child trains from the start. replaced is the trial that
-- gave its place in the population up. A trial that is not in here has no parent.
CREATE TABLE trial_lineage (
    trial          INTEGER PRIMARY KEY REFERENCES trial (id),
    parent         INTEGER NOT NULL REFERENCES trial (id),
    parent_epoch   INTEGER NOT NULL CHECK (parent_epoch >= 1),
    parent_attempt INTEGER,
    replaced       INTEGER NOT NULL REFERENCES trial (id)
) STRICT;
CREATE INDEX trial_lineage_by_parent ON trial_lineage (parent);


-- study_bracket: the brackets of a study under "hyperband", one row when its first trial is made. A trial belongs to the one
-- whose numbers it lies in: first_trial .. first_trial + trials - 1. Its rungs are min_epochs, times eta, …, epochs.
CREATE TABLE study_bracket (
    study       INTEGER NOT NULL REFERENCES study (id),
    first_trial INTEGER NOT NULL CHECK (first_trial >= 1), -- a number
    round       INTEGER NOT NULL CHECK (round >= 0),       -- all brackets, and from the front again
    bracket     INTEGER NOT NULL CHECK (bracket >= 0),     -- 0 begins with the most trials and the fewest epochs
    trials      INTEGER NOT NULL,                          -- planned; the study's end may cut it short
    min_epochs  INTEGER NOT NULL,
    eta         INTEGER NOT NULL,
    epochs      INTEGER NOT NULL,
    opened_ms   INTEGER NOT NULL,
    PRIMARY KEY (study, first_trial)
) STRICT, WITHOUT ROWID;


-- study_unreadable: studies that the master could not make sense of when it last started: it set them aside, writes nothing of
-- them and runs the others. A study that can be read again loses its row.
CREATE TABLE study_unreadable (
    study INTEGER PRIMARY KEY REFERENCES study (id),
    at_ms INTEGER NOT NULL,
    text  TEXT    NOT NULL,                              -- table and column, and what is wrong with the value
    hint  TEXT    NOT NULL                               -- what to do
) STRICT;
