-- queries.sql: every statement the program runs, by name. `-- name: x` starts a statement, the next name ends it.
--
-- The writer's bind their parameters by position, in the order in which the names first appear here; readers' bind
-- by name. A NULL parameter means "any" where it says so. exact(x) is ours (sql/stmt.c): a number as the shortest
-- JSON that reads back the same double, where SQLite's own json functions keep 15 digits.
--
-- For the commands (sql/query, read-only), with their parameters; * may be NULL:
--   studies                          one row per study, newest first: the columns of view study_progress
--   study_progress  :study*          the same of one study
--   study_find      :name*           the study of that name, else the newest; `studies` says how many there are
--   study_names                      study
--   unreadable                       study text hint: those that the master has set aside
--   live_attempts                    study trial attempt: open, or lost and not fenced yet
--   best            :study* :limit*  study trial status score metric best_epoch epochs params seconds worker
--   trials          :study* :status* one row per trial: params and metrics as JSON text, attempts, worker, cause, times
--   running         :study*          what runs now: study trial attempt worker host epoch until value ... started_ms
--   workers                          one row per worker, connected ones first
--   trial_head, trial_params, trial_attempts, trial_events, trial_curve, trial_checkpoints,
--   trial_findings, trial_models, group_trials   :study :trial (number)
--   newest_trial    :study           trial: the last one's number, 0: none
--   extra_open      :study           open: trials for an ensemble that are not through
--   best_groups     :study           groups where points were repeated: trial repeats score spread metric members params
--   best_front      :study           of several metrics: trial status y1 y2 y3 best_epoch epochs goals params seconds worker
--   trial_origin    :study :trial    what was known when it was proposed: warm source finished under_way paused best_trial best stage box
--   trial_lineage   :study :trial    its parent, its children, and who took its place: kin trial epoch attempt path other
--   trial_bracket   :study :trial    under hyperband: round bracket first_trial trials min_epochs eta epochs
--   trial_rung      :study :trial    paused under asha: epoch rank of promoted
--   trial_queue     :study :trial    what it waits for: open before slots workers busy
--   space           :study           the axes: position name dist definition
--   top_studies                      as studies, with planned (trials) and length (epochs of each)
--   top_trials      :study :order :filter* :limit  as hone top lists them: order 'state', 'score' or 'number'; curve is JSON
--   newest_events   :limit           at_ms study trial* text: walls, findings, failures, workers that left, edits, ends
--   boxes           :study           each box after the first, in order: seq at_ms stage walls trials (made before it)
--   meta            :key             value
--   dash_…                           for the dashboard's pages, beside the statements


-- ---- the file ----

-- name: begin
BEGIN IMMEDIATE;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: set_meta
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: tables_newest_first
SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY rowid DESC;

-- name: view_text
SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = :name;

-- name: drop_meta
DELETE FROM meta WHERE key = :key;

-- name: meta
SELECT value FROM meta WHERE key = :key;

-- name: max_seq
SELECT max(coalesce((SELECT max(seq) FROM trial_event), 0), coalesce((SELECT max(seq) FROM epoch), 0),
           coalesce((SELECT max(seq) FROM box), 0), coalesce((SELECT max(seq) FROM box_event), 0),
           coalesce((SELECT max(seq) FROM study_event), 0));

-- name: broken_keys
SELECT count(*) FROM pragma_foreign_key_check;

-- name: all_views
SELECT name FROM sqlite_schema WHERE type = 'view';


-- ---- what the store keeps in memory of each study ----

-- name: known_studies
SELECT id, name, metric FROM study ORDER BY id;

-- name: known_metrics
SELECT study, id, name FROM metric ORDER BY study, id;

-- name: known_trials
SELECT id, study FROM trial ORDER BY id;

-- name: known_params
SELECT name FROM study_param WHERE study = :study ORDER BY position;


-- ---- writing: studies ----

-- name: add_study
INSERT INTO study (name, definition, base, seed, metric, goal, wish, priority, weight, created_ms, ended_ms,
                   wall_used_ms, slot_used_ms, end_reason, checks)
VALUES (:name, :definition, :base, :seed, :metric, :goal, :wish, :priority, :weight, :created_ms, :ended_ms,
        :wall_used_ms, :slot_used_ms, :end_reason, :checks);

-- name: add_study_param
INSERT INTO study_param (study, position, name, dist, definition)
VALUES (:study, :position, :name, :dist, :definition);

-- name: add_metric
INSERT INTO metric (study, name) VALUES (:study, :name);

-- name: set_study_wish
UPDATE study SET wish = :wish WHERE id = :study;

-- name: set_study_ended
UPDATE study SET ended_ms = :ended_ms, end_reason = :end_reason WHERE id = :study;

-- name: set_study_checks
UPDATE study SET checks = :checks, checked = :checked WHERE id = :study;

-- name: add_check_result
INSERT INTO check_result (study, worker, at_ms, smoke, gate, name, part, verdict, value, expected, text, hint)
VALUES (:study, :worker, :at_ms, :smoke, :gate, :name, :part, :verdict, :value, :expected, :text, :hint);

-- name: smoke_known
SELECT count(*) FROM check_result c JOIN worker w ON w.id = c.worker JOIN worker me ON me.id = :worker
WHERE c.study = :study AND c.gate = 'G4' AND c.verdict <> 'wrong' AND w.name = me.name AND w.host = me.host;

-- name: set_study_unreadable
INSERT INTO study_unreadable (study, text, hint, at_ms) VALUES (:study, :text, :hint, :at_ms)
ON CONFLICT (study) DO UPDATE SET text = excluded.text, hint = excluded.hint, at_ms = excluded.at_ms
WHERE study_unreadable.text <> excluded.text;

-- name: set_study_readable
DELETE FROM study_unreadable WHERE study = :study;

-- name: set_study_used
UPDATE study SET wall_used_ms = :wall_used_ms, slot_used_ms = :slot_used_ms WHERE id = :study;


-- ---- writing: workers ----

-- name: add_worker
INSERT INTO worker (uuid, name, host, version, platform, pid, slots, gpus, joined_ms)
VALUES (:uuid, :name, :host, :version, :platform, :pid, :slots, nullif(:gpus, ''), :joined_ms)
ON CONFLICT (uuid) DO UPDATE SET name = excluded.name, host = excluded.host, version = excluded.version,
    platform = excluded.platform, pid = excluded.pid, slots = excluded.slots, gpus = excluded.gpus, gpus_out = NULL, joined_ms = excluded.joined_ms,
    left_ms = NULL, left_why = NULL;

-- name: worker_id
SELECT id, mode, failed_in_row FROM worker WHERE uuid = :uuid;

-- name: set_worker_mode
UPDATE worker SET mode = :mode, failed_in_row = :failed_in_row WHERE id = :worker;

-- name: set_worker_gpus_out
UPDATE worker SET gpus_out = nullif(:gpus_out, '') WHERE id = :worker;

-- Different workers that went down with a trial since somebody last said `retry`.
-- name: workers_lost
SELECT count(DISTINCT a.worker) FROM attempt a
WHERE a.trial = :trial AND a.outcome = 'lost' AND a.cause = 'worker' AND a.attempt >
      coalesce((SELECT max(v.attempt) FROM trial_event v WHERE v.trial = :trial AND v.event = 'retry'), 0);

-- name: set_worker_left
UPDATE worker SET left_ms = :left_ms, left_why = :why WHERE id = :worker;


-- ---- writing: trials ----

-- name: add_trial
INSERT INTO trial (study, number, "group", repeat, status, cause, seed, sampler, sampler_version, seq_cut, why,
                   platform, fit, attempt, until, epochs, last_epoch, best_epoch, score, own_failures, lost_on,
                   created_ms, started_ms, ended_ms)
VALUES (:study, :number, :group, :repeat, :status, :cause, :seed, :sampler, :sampler_version, :seq_cut, :why,
        :platform, :fit, :attempt, :until, :epochs, :last_epoch, :best_epoch, :score, :own_failures, :lost_on,
        :created_ms, :started_ms, :ended_ms);

-- name: add_param
INSERT INTO param (trial, name, value) VALUES (:trial, :name, :value);

-- name: add_lineage
INSERT INTO trial_lineage (trial, parent, parent_epoch, parent_attempt, replaced)
VALUES (:trial, :parent, :parent_epoch, :parent_attempt, :replaced);

-- name: add_bracket
INSERT INTO study_bracket (study, first_trial, round, bracket, trials, min_epochs, eta, epochs, opened_ms)
VALUES (:study, :first_trial, :round, :bracket, :trials, :min_epochs, :eta, :epochs, :opened_ms)
ON CONFLICT (study, first_trial) DO NOTHING;

-- name: add_box
INSERT INTO box (seq, study, at_ms, stage, carried, trials, walls)
VALUES (:seq, :study, :at_ms, :stage, :carried, :trials, :walls);

-- name: add_box_event
INSERT INTO box_event (seq, study, at_ms, stage, param, side, verdict, best, lean, slope, trend, top, trials, before_low,
                       before_high, after_low, after_high, choice, behind, text)
VALUES (:seq, :study, :at_ms, :stage, :param, :side, :verdict, :best, :lean, :slope, :trend, :top, :trials, :before_low,
        :before_high, :after_low, :after_high, :choice, :behind, :text);

-- name: asked_walls
SELECT seq, param, side, after_low, after_high FROM box_event
WHERE study = :study AND verdict = 'ask' AND approved_ms IS NULL ORDER BY seq;

-- name: approve_box_event
UPDATE box_event SET approved_ms = :at_ms WHERE seq = :seq;

-- name: last_box_event
SELECT coalesce(max(trials), 0) FROM box_event WHERE study = :study;

-- name: add_study_event
INSERT INTO study_event (seq, study, at_ms, event, path, before, after, who)
VALUES (:seq, :study, :at_ms, :event, :path, :before, :after, :who);

-- name: add_event
INSERT INTO trial_event (seq, trial, at_ms, event, from_status, to_status, cause, attempt, detail)
VALUES (:seq, :trial, :at_ms, :event, :from, :to, :cause, :attempt, :detail);

-- Moves the row only if it is where the caller believes it is. :ended_ms is NULL unless :to is final.
-- name: move_trial
UPDATE trial SET status = :to, cause = :cause, attempt = :attempt, ended_ms = :ended_ms,
                 started_ms = coalesce(started_ms, :started_ms)
WHERE id = :trial AND status = :from;

-- name: set_trial_progress
UPDATE trial SET score = :score, best_epoch = :best_epoch, last_epoch = :last_epoch, until = :until,
                 epochs = :epochs, own_failures = :own_failures, lost_on = :lost_on
WHERE id = :trial;


-- ---- writing: attempts, epochs, checkpoints ----

-- name: add_attempt
INSERT INTO attempt (trial, attempt, worker, token, from_epoch, started_ms)
VALUES (:trial, :attempt, :worker, :token, :from_epoch, :started_ms);

-- name: attempt_worker
SELECT worker FROM attempt WHERE trial = :trial AND attempt = :attempt;

-- name: set_attempt_ended
UPDATE attempt SET outcome = :outcome, cause = :cause, detail = :detail, ended_ms = :ended_ms
WHERE trial = :trial AND attempt = :attempt;

-- name: set_attempt_open
UPDATE attempt SET outcome = NULL, cause = NULL, detail = NULL, ended_ms = NULL, worker = :worker
WHERE trial = :trial AND attempt = :attempt;

-- A report that was sent twice changes nothing.
-- name: add_epoch
INSERT INTO epoch (trial, epoch, attempt, seq, value, seconds, received_ms)
VALUES (:trial, :epoch, :attempt, :seq, :value, :seconds, :received_ms)
ON CONFLICT DO NOTHING;

-- name: add_epoch_metric
INSERT INTO epoch_metric (trial, epoch, attempt, metric, value) VALUES (:trial, :epoch, :attempt, :metric, :value)
ON CONFLICT DO NOTHING;

-- name: add_checkpoint
INSERT INTO checkpoint (trial, attempt, epoch, path, bytes, hash, created_ms, state)
VALUES (:trial, :attempt, :epoch, :path, :bytes, :hash, :created_ms, :state)
ON CONFLICT DO NOTHING;

-- name: add_finding
INSERT INTO trial_finding (trial, attempt, epoch, rule, action, text, advice)
VALUES (:trial, :attempt, :epoch, :rule, :action, :text, :advice);

-- :trial 0: any of the study. :part is in its text.
-- name: finding_known
SELECT count(*) FROM trial t JOIN trial_finding f ON f.trial = t.id
WHERE t.study = :study AND (:trial = 0 OR t.id = :trial) AND f.rule = :rule AND instr(f.text, :part) > 0;

-- A NULL :path leaves it as it is.
-- name: set_checkpoint_state
UPDATE checkpoint SET state = :state, path = coalesce(:path, path)
WHERE trial = :trial AND attempt = :attempt AND epoch = :epoch;

-- name: fence_checkpoints
UPDATE checkpoint SET state = 'doomed' WHERE trial = :trial AND state = 'offered';

-- The rest of a trial's checkpoints, and of a study's, as the keep policy sees them.
-- name: live_checkpoints
SELECT c.trial, c.attempt, c.epoch, c.path, c.bytes, c.hash, c.created_ms, c.state, e.value
FROM checkpoint c LEFT JOIN epoch e ON e.trial = c.trial AND e.epoch = c.epoch AND e.attempt = c.attempt
WHERE c.trial = :trial AND c.state IN ('offered', 'kept') ORDER BY c.attempt, c.epoch;

-- Of trials that have ended and are not among the :top best; the worst first.
-- name: spare_checkpoints
SELECT c.trial, c.attempt, c.epoch, c.path, c.bytes, c.hash, c.created_ms, c.state, r.score
FROM (SELECT t.id, t.status, t.score,
             row_number() OVER (ORDER BY t.score IS NULL, iif(s.goal = 'maximize', -t.score, t.score), t.number) AS place
      FROM study s JOIN trial t ON t.study = s.id WHERE s.id = :study) r
CROSS JOIN checkpoint c ON c.trial = r.id AND c.state IN ('offered', 'kept') AND c.state = 'kept'
WHERE r.place > :top AND r.status IN ('complete', 'pruned', 'failed', 'cancelled')
  AND NOT EXISTS (SELECT 1 FROM trial_lineage l JOIN trial child ON child.id = l.trial
                  WHERE l.parent = c.trial AND l.parent_epoch = c.epoch
                    AND child.status IN ('waiting', 'running', 'paused'))
ORDER BY r.place DESC, c.attempt, c.epoch;

-- name: kept_bytes
SELECT coalesce(sum(c.bytes), 0)
FROM trial t CROSS JOIN checkpoint c ON c.trial = t.id AND c.state IN ('offered', 'kept') AND c.state = 'kept'
WHERE t.study = :study;

-- name: doomed_checkpoints
SELECT c.trial, c.attempt, c.epoch, c.path, c.bytes, c.hash, c.created_ms, c.state, NULL,
       s.name, t.number, a.token, a.worker
FROM checkpoint c JOIN trial t ON t.id = c.trial JOIN study s ON s.id = t.study
JOIN attempt a ON a.trial = c.trial AND a.attempt = c.attempt
WHERE c.state = 'doomed' AND s.id NOT IN (SELECT study FROM study_unreadable) LIMIT coalesce(:limit, -1);

-- name: offered_checkpoints
SELECT c.trial, c.attempt, c.epoch, c.path, c.bytes, c.hash, c.created_ms, c.state, NULL,
       s.name, t.number, a.token, a.worker
FROM checkpoint c JOIN trial t ON t.id = c.trial JOIN study s ON s.id = t.study
JOIN attempt a ON a.trial = c.trial AND a.attempt = c.attempt
WHERE c.state = 'offered' AND s.id NOT IN (SELECT study FROM study_unreadable) LIMIT coalesce(:limit, -1);


-- ---- rebuilding memory ----

-- name: load_studies
SELECT id, name, definition, base, seed, wish, priority, weight, created_ms, ended_ms, wall_used_ms, slot_used_ms,
       end_reason, checks, checked, EXISTS (SELECT 1 FROM study_unreadable u WHERE u.study = study.id)
FROM study ORDER BY id;

-- name: load_trials
SELECT id, study, number, "group", repeat, status, cause, seed, sampler, sampler_version, seq_cut, why, platform,
       fit, attempt, until, epochs, last_epoch, best_epoch, score, own_failures, lost_on, created_ms, started_ms,
       ended_ms
FROM trial WHERE study = :study ORDER BY number;

-- name: load_params
SELECT name, value FROM param WHERE trial = :trial ORDER BY name;

-- name: load_attempts
SELECT a.trial, a.attempt, a.worker, a.token, a.from_epoch, a.started_ms, a.ended_ms, a.outcome, a.cause, a.detail
FROM attempt a JOIN trial t ON t.id = a.trial
WHERE t.study = :study AND (a.outcome IS NULL OR a.attempt = t.attempt) ORDER BY a.trial, a.attempt;

-- name: load_lineage
SELECT l.trial, l.parent, l.parent_epoch, l.parent_attempt, l.replaced
FROM trial_lineage l JOIN trial t ON t.id = l.trial WHERE t.study = :study ORDER BY l.trial;

-- name: load_epochs
SELECT e.trial, e.attempt, e.epoch, e.value, e.seconds, e.received_ms, e.seq
FROM trial t CROSS JOIN epoch_counted e ON e.trial = t.id
WHERE t.study = :study ORDER BY t.number, e.epoch;

-- Everything that samplers and pruners learned from, in the order in which it happened. A row without to_status is an
-- epoch; epoch 0, before training, teaches nothing. An epoch's further metrics come last, if the study is ranked by several.
-- name: load_log
SELECT v.seq, v.trial, v.to_status, v.cause, v.attempt, NULL AS epoch, NULL AS value, v.detail, NULL, NULL, NULL, NULL,
       NULL, NULL
FROM trial t CROSS JOIN trial_event v ON v.trial = t.id WHERE t.study = :study
UNION ALL
SELECT e.seq, e.trial, NULL, NULL, e.attempt, e.epoch, e.value, NULL, NULL, NULL, NULL, NULL,
       CASE (SELECT json_extract(definition, '$.metric[1].name') FROM study WHERE id = :study)
       WHEN 'seconds' THEN e.seconds
       ELSE (SELECT x.value FROM metric m JOIN epoch_metric x ON x.metric = m.id AND x.trial = e.trial
                    AND x.epoch = e.epoch AND x.attempt = e.attempt
             WHERE m.study = :study
                   AND m.name = (SELECT json_extract(definition, '$.metric[1].name') FROM study WHERE id = :study)) END,
       CASE (SELECT json_extract(definition, '$.metric[2].name') FROM study WHERE id = :study)
       WHEN 'seconds' THEN e.seconds
       ELSE (SELECT x.value FROM metric m JOIN epoch_metric x ON x.metric = m.id AND x.trial = e.trial
                    AND x.epoch = e.epoch AND x.attempt = e.attempt
             WHERE m.study = :study
                   AND m.name = (SELECT json_extract(definition, '$.metric[2].name') FROM study WHERE id = :study)) END
FROM trial t CROSS JOIN epoch e ON e.trial = t.id AND e.epoch > 0 WHERE t.study = :study
UNION ALL
SELECT seq, NULL, NULL, NULL, NULL, NULL, NULL, NULL, walls, stage, carried, trials, NULL, NULL FROM box WHERE study = :study
ORDER BY 1;

-- One metric of every epoch, in the order in which it was told; it may be what trials are ranked by.
-- name: load_metric
WITH asked(study, name) AS (VALUES (:study, :name))
SELECT e.trial, e.epoch, CASE q.name WHEN s.metric THEN e.value WHEN 'seconds' THEN e.seconds ELSE x.value END AS told
FROM asked q CROSS JOIN study s ON s.id = q.study CROSS JOIN trial t ON t.study = s.id
     CROSS JOIN epoch e ON e.trial = t.id AND e.epoch > 0
     LEFT JOIN metric m ON m.study = s.id AND m.name = q.name
     LEFT JOIN epoch_metric x ON x.metric = m.id AND x.trial = e.trial AND x.epoch = e.epoch AND x.attempt = e.attempt
WHERE told IS NOT NULL ORDER BY e.seq;

-- name: load_box_events
SELECT seq, param, side, verdict, stage, best, lean, slope, trend, top, trials, before_low, before_high, after_low,
       after_high, choice, behind, text
FROM box_event WHERE study = :study ORDER BY seq;

-- name: set_study_definition
UPDATE study SET definition = :definition, priority = :priority, weight = :weight WHERE id = :study;

-- name: set_study_param
UPDATE study_param SET definition = :definition WHERE study = :study AND name = :name;

-- name: set_study_name
UPDATE study SET name = :name, definition = :definition WHERE id = :study;

-- name: set_trial_deleted
UPDATE trial SET deleted_ms = :deleted_ms, cause = 'deleted' WHERE id = :trial;

-- name: add_warm
INSERT INTO warm (study, number, source, trial, params, pruned, epochs, score)
VALUES (:study, :number, :source, :trial, :params, :pruned, :epochs, :score);

-- name: load_warm
SELECT number, source, trial, params, pruned, epochs, score FROM warm WHERE study = :study ORDER BY number;

-- name: load_study_events
SELECT seq, event, path, before, after, who, at_ms FROM study_event WHERE study = :study ORDER BY seq;

-- name: last_checkpoint
SELECT trial, attempt, epoch, path, bytes, hash, created_ms FROM checkpoint
WHERE trial = :trial AND epoch <= :max_epoch AND state = 'kept' ORDER BY attempt DESC, epoch DESC LIMIT 1;


-- ---- reading: studies and workers ----

-- name: studies
SELECT * FROM study_progress;

-- name: study_progress
SELECT * FROM study_progress WHERE :study IS NULL OR study = :study;

-- name: study_checks
SELECT gate, "check", part, verdict, value, expected, text, hint, worker, at FROM study_checks
WHERE study = :study;

-- name: study_find
SELECT id, name AS study, definition, base, seed, metric, goal, wish, priority, weight, created_ms, ended_ms,
       wall_used_ms, slot_used_ms, end_reason, (SELECT count(*) FROM study) AS studies,
       u.text AS unreadable, u.hint AS unreadable_hint
FROM study LEFT JOIN study_unreadable u ON u.study = study.id WHERE :name IS NULL OR name = :name ORDER BY id DESC LIMIT 1;

-- name: unreadable
SELECT s.name AS study, u.text, u.hint FROM study_unreadable u JOIN study s ON s.id = u.study ORDER BY u.study;

-- name: study_names
SELECT name AS study FROM study ORDER BY id;

-- name: space
SELECT sp.position, sp.name, sp.dist, sp.definition
FROM study s JOIN study_param sp ON sp.study = s.id WHERE s.name = :study ORDER BY sp.position;

-- name: top_studies
SELECT p.*, s.definition ->> '$.search.trials' AS planned, s.definition ->> '$.search.epochs' AS length
FROM study_progress p
JOIN (SELECT id, name, end_reason, iif(json_valid(definition), definition, '{}') AS definition FROM study) s
ON s.name = p.study ORDER BY s.end_reason IS NOT NULL, s.id DESC;

-- The filter is a part of the number, status, cause, sampler or worker.
-- name: top_trials
WITH chosen AS MATERIALIZED ( -- numbers alone are sorted; the rest is looked up for those that are shown
    SELECT t.id
    FROM study s JOIN trial t ON t.study = s.id
    WHERE s.name = :study AND t.deleted_ms IS NULL
          AND (:filter IS NULL
               OR instr(t.number || ' ' || t.status || ' ' || coalesce(t.cause, '') || ' ' || t.sampler || ' ' ||
                        coalesce((SELECT w.name FROM attempt a JOIN worker w ON w.id = a.worker
                                  WHERE a.trial = t.id AND a.attempt = t.attempt), ''), :filter) > 0)
    ORDER BY iif(:order = 'state', t.status <> 'running', 0),
             CASE WHEN :order = 'score' THEN t.score IS NULL END,
             CASE WHEN :order = 'score' THEN iif(s.goal = 'maximize', -t.score, t.score) END, t.number DESC
    LIMIT coalesce(:limit, -1))
SELECT c.number AS trial, c.status, c.cause, c.score, c.last_epoch AS epoch, c.until, c.epochs AS length,
       (SELECT w.name FROM attempt a JOIN worker w ON w.id = a.worker
        WHERE a.trial = c.id AND a.attempt = c.attempt) AS worker,
       (SELECT e.value FROM epoch e WHERE e.trial = c.id AND e.attempt = c.attempt AND e.epoch = c.last_epoch) AS value,
       (SELECT json_group_array(e.value) FROM (SELECT value FROM epoch_counted WHERE trial = c.id AND epoch > 0
                                               ORDER BY epoch) e) AS curve,
       (SELECT group_concat(one, '  ')
        FROM (SELECT sp.name || ' ' || iif(typeof(p.value) = 'real', printf('%.4g', p.value), p.value) AS one
              FROM study_param sp CROSS JOIN param p ON p.trial = c.id AND p.name = sp.name
              WHERE sp.study = c.study ORDER BY sp.position)) AS params
FROM chosen CROSS JOIN trial c ON c.id = chosen.id
JOIN study s ON s.id = c.study
ORDER BY iif(:order = 'state', c.status <> 'running', 0),
         CASE WHEN :order = 'score' THEN c.score IS NULL END,
         CASE WHEN :order = 'score' THEN iif(s.goal = 'maximize', -c.score, c.score) END, c.number DESC;

-- name: newest_events
SELECT at_ms, study, trial, text FROM (
    SELECT * FROM (SELECT e.at_ms, s.name AS study, NULL AS trial, e.text
                   FROM box_event e JOIN study s ON s.id = e.study ORDER BY e.seq DESC LIMIT coalesce(:limit, -1))
    UNION ALL
    SELECT * FROM (SELECT coalesce(p.received_ms, t.started_ms), s.name, t.number,
                          f.rule || iif(f.count > 1, ' (in ' || f.count || ' trials): ', ': ') || f.text
                   FROM (SELECT r.*, count(DISTINCT r.trial) AS count, max(r.id) FROM trial_finding r
                         JOIN trial o ON o.id = r.trial GROUP BY o.study, r.rule) f -- of each rule the newest
                   JOIN trial t ON t.id = f.trial JOIN study s ON s.id = t.study
                   LEFT JOIN epoch p ON p.trial = f.trial AND p.epoch = f.epoch AND p.attempt = f.attempt
                   ORDER BY f.id DESC LIMIT coalesce(:limit, -1))
    UNION ALL
    SELECT * FROM (SELECT t.ended_ms, s.name, t.number, 'failed' || coalesce(': ' || t.cause, '')
                   FROM trial t JOIN study s ON s.id = t.study WHERE t.status = 'failed'
                   ORDER BY t.ended_ms DESC LIMIT coalesce(:limit, -1))
    UNION ALL
    SELECT * FROM (SELECT w.left_ms, NULL, NULL,
                          'worker ' || w.name || ' (' || w.host || ') ' ||
                          CASE w.left_why WHEN 'bye' THEN 'has left' WHEN 'lost' THEN 'is lost' ELSE 'is gone: ' || w.left_why END
                   FROM worker w WHERE w.left_ms IS NOT NULL ORDER BY w.left_ms DESC LIMIT coalesce(:limit, -1))
    UNION ALL
    SELECT * FROM (SELECT e.at_ms, s.name, NULL,
                          e.event || coalesce(' ' || e.path, '') || coalesce(': ' || e.before || ' → ' || e.after, '') ||
                          ', by ' || e.who
                   FROM study_event e JOIN study s ON s.id = e.study ORDER BY e.seq DESC LIMIT coalesce(:limit, -1))
    UNION ALL
    SELECT * FROM (SELECT s.ended_ms, s.name, NULL, 'ended by ' || s.end_reason
                   FROM study s WHERE s.ended_ms IS NOT NULL ORDER BY s.ended_ms DESC LIMIT coalesce(:limit, -1)))
ORDER BY at_ms DESC LIMIT coalesce(:limit, -1);

-- name: boxes
SELECT b.seq, b.at_ms, b.stage, b.walls,
       (SELECT count(*) FROM trial t WHERE t.study = b.study AND t.created_ms <= b.at_ms AND t.sampler <> 'seeds') AS trials
FROM study s JOIN box b ON b.study = s.id WHERE s.name = :study ORDER BY b.seq;

-- name: workers
SELECT w.name AS worker, w.host, w.pid, w.slots, w.gpus, w.gpus_out,
       (SELECT count(*) FROM attempt a WHERE a.worker = w.id AND a.outcome IS NULL) AS running,
       (SELECT count(*) FROM attempt a WHERE a.worker = w.id) AS attempts,
       (SELECT count(*) FROM attempt a WHERE a.worker = w.id AND a.outcome IN ('finished', 'stopped')) AS done,
       (SELECT count(*) FROM attempt a WHERE a.worker = w.id AND a.outcome IN ('failed', 'lost')) AS failed,
       w.mode, w.failed_in_row,
       w.version, w.platform, w.joined_ms, w.left_ms,
       strftime('%Y-%m-%dT%H:%M:%fZ', w.joined_ms / 1000.0, 'unixepoch') AS joined_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', w.left_ms / 1000.0, 'unixepoch') AS left_at, w.left_why
FROM worker w ORDER BY w.left_ms IS NOT NULL, w.name, w.id;


-- ---- reading: trials ----

-- name: best
SELECT s.name AS study, t.number AS trial, t.status, t.score, s.metric, t.best_epoch, t.last_epoch AS epochs,
       (SELECT json_group_object(sp.name, exact(p.value))
        FROM study_param sp CROSS JOIN param p ON p.trial = t.id AND p.name = sp.name
        WHERE sp.study = t.study) AS params,
       (t.ended_ms - t.started_ms) / 1000.0 AS seconds,
       (SELECT w.name FROM attempt a JOIN worker w ON w.id = a.worker
        WHERE a.trial = t.id AND a.attempt = t.attempt) AS worker
FROM study s JOIN trial t ON t.study = s.id
WHERE (:study IS NULL OR s.name = :study) AND (t.score IS NOT NULL OR t.status NOT IN ('waiting', 'paused'))
      AND t.deleted_ms IS NULL AND t.sampler <> 'seeds'
ORDER BY s.id DESC, t.score IS NULL, iif(s.goal = 'maximize', -t.score, t.score), t.number
LIMIT coalesce(:limit, -1);

-- name: trials
SELECT s.name AS study, t.number AS trial, t."group", t.repeat, t.status, t.cause, t.score, s.metric,
       t.best_epoch, t.last_epoch AS epochs, t.until, t.epochs AS length,
       (SELECT json_group_object(sp.name, exact(p.value))
        FROM study_param sp CROSS JOIN param p ON p.trial = t.id AND p.name = sp.name
        WHERE sp.study = t.study) AS params,
       (SELECT json_group_object(m.name, exact(v.value))
        FROM epoch_metric v JOIN metric m ON m.id = v.metric
        WHERE v.trial = e.trial AND v.epoch = e.epoch AND v.attempt = e.attempt) AS metrics,
       t.attempt AS attempts,
       (SELECT w.name FROM attempt a JOIN worker w ON w.id = a.worker
        WHERE a.trial = t.id AND a.attempt = t.attempt) AS worker,
       t.seed, t.sampler, t.why, t.own_failures, t.lost_on,
       t.created_ms, t.started_ms, t.ended_ms, (t.ended_ms - t.started_ms) / 1000.0 AS seconds,
       strftime('%Y-%m-%dT%H:%M:%fZ', t.started_ms / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', t.ended_ms / 1000.0, 'unixepoch') AS ended_at
FROM study s JOIN trial t ON t.study = s.id
LEFT JOIN epoch_counted e ON e.trial = t.id AND e.epoch = t.best_epoch
WHERE (:study IS NULL OR s.name = :study) AND (:status IS NULL OR t.status = :status) AND t.deleted_ms IS NULL
ORDER BY s.id, t.number;

-- name: running
SELECT s.name AS study, t.number AS trial, t.attempt, w.name AS worker, w.host, t.last_epoch AS epoch, t.until,
       t.score, t.best_epoch,
       (SELECT e.value FROM epoch e WHERE e.trial = t.id AND e.attempt = t.attempt AND e.epoch = t.last_epoch) AS value,
       a.from_epoch, a.started_ms
FROM study s JOIN trial t ON t.study = s.id
LEFT JOIN attempt a ON a.trial = t.id AND a.attempt = t.attempt
LEFT JOIN worker w ON w.id = a.worker
WHERE t.status = 'running' AND (:study IS NULL OR s.name = :study)
ORDER BY s.id, t.number;

-- Attempts that may still say something: open, or lost and reinstated if they come back.
-- name: live_attempts
SELECT s.name AS study, t.number AS trial, t.attempt
FROM study s JOIN trial t ON t.study = s.id JOIN attempt a ON a.trial = t.id AND a.attempt = t.attempt
WHERE a.outcome IS NULL OR (a.outcome = 'lost' AND t.status = 'waiting');


-- ---- reading: one trial ----

-- name: trial_head
SELECT s.name AS study, t.number AS trial, t."group", t.repeat, t.status, t.cause, t.score, s.metric, s.goal,
       t.best_epoch, t.last_epoch AS epochs, t.until, t.epochs AS length, t.attempt AS attempts, t.seed, t.sampler,
       t.sampler_version, t.seq_cut, t.why, t.platform, t.own_failures, t.lost_on, t.created_ms, t.started_ms,
       t.ended_ms, (t.ended_ms - t.started_ms) / 1000.0 AS seconds,
       (SELECT count(*) FROM trial b WHERE b.study = t.study AND b.sampler <> 'seeds') AS trials,
       (SELECT count(*) + 1 FROM trial b WHERE b.study = t.study AND t.score IS NOT NULL AND b.deleted_ms IS NULL
        AND b.sampler <> 'seeds' AND iif(s.goal = 'maximize', b.score > t.score, b.score < t.score)) AS rank
FROM study s JOIN trial t ON t.study = s.id WHERE s.name = :study AND t.number = :trial;

-- name: newest_trial
SELECT coalesce(max(t.number), 0) AS trial FROM study s LEFT JOIN trial t ON t.study = s.id WHERE s.name = :study;

-- name: trial_params
SELECT sp.name, p.value, sp.dist, sp.definition
FROM study s JOIN trial t ON t.study = s.id CROSS JOIN study_param sp ON sp.study = s.id
CROSS JOIN param p ON p.trial = t.id AND p.name = sp.name
WHERE s.name = :study AND t.number = :trial ORDER BY sp.position;

-- name: trial_attempts
SELECT a.attempt, w.name AS worker, w.host, a.from_epoch,
       (SELECT count(*) FROM epoch e WHERE e.trial = a.trial AND e.attempt = a.attempt) AS epochs,
       a.outcome, a.cause, a.detail, a.started_ms, a.ended_ms, (a.ended_ms - a.started_ms) / 1000.0 AS seconds
FROM study s JOIN trial t ON t.study = s.id JOIN attempt a ON a.trial = t.id JOIN worker w ON w.id = a.worker
WHERE s.name = :study AND t.number = :trial ORDER BY a.attempt;

-- name: trial_events
SELECT v.seq, v.at_ms, v.event, v.from_status, v.to_status, v.cause, v.attempt, v.detail
FROM study s JOIN trial t ON t.study = s.id JOIN trial_event v ON v.trial = t.id
WHERE s.name = :study AND t.number = :trial ORDER BY v.seq;

-- name: trial_curve
SELECT epoch, attempt, metric, value, seconds, at FROM learning_curves
WHERE study = :study AND trial = :trial ORDER BY epoch;

-- name: trial_checkpoints
SELECT c.attempt, c.epoch, c.state, c.path, c.bytes, c.hash, c.created_ms
FROM study s JOIN trial t ON t.study = s.id JOIN checkpoint c ON c.trial = t.id
WHERE s.name = :study AND t.number = :trial ORDER BY c.attempt, c.epoch;

-- name: trial_findings
SELECT f.attempt, f.epoch, f.rule, f.action, f.text, f.advice
FROM study s JOIN trial t ON t.study = s.id JOIN trial_finding f ON f.trial = t.id
WHERE s.name = :study AND t.number = :trial ORDER BY f.id;

-- The trials that repeat this one's point with other seeds, itself among them.
-- name: group_trials
SELECT g.number AS trial, g.score
FROM study s JOIN trial t ON t.study = s.id JOIN trial g ON g.study = s.id AND g."group" = t."group"
WHERE s.name = :study AND t.number = :trial AND g.score IS NOT NULL AND g.deleted_ms IS NULL ORDER BY g.number;

-- Trials for an ensemble that have not ended.
-- name: extra_open
SELECT count(t.id) AS open FROM study s LEFT JOIN trial t ON t.study = s.id AND t.sampler = 'seeds'
       AND t.status IN ('waiting', 'running', 'paused')
WHERE s.name = :study;

-- Where a trial's checkpoints lie, that of the score's epoch first, then the newest ones.
-- name: trial_models
SELECT c.path, c.epoch, c.epoch IS t.best_epoch AS is_best, s.base, s.metric
FROM study s JOIN trial t ON t.study = s.id JOIN checkpoint c ON c.trial = t.id
WHERE s.name = :study AND t.number = :trial AND c.state IN ('offered', 'kept') ORDER BY is_best DESC, c.epoch DESC, c.attempt DESC;

-- name: trial_origin
SELECT t.seq_cut, (SELECT count(*) FROM warm w WHERE w.study = t.study) AS warm,
       (SELECT min(w.source) FROM warm w WHERE w.study = t.study) AS source,
       (SELECT count(*) FROM trial b WHERE b.study = t.study AND b.sampler <> 'seeds' AND
        (SELECT v.to_status FROM trial_event v WHERE v.trial = b.id AND v.seq <= t.seq_cut ORDER BY v.seq DESC LIMIT 1)
        IN ('complete', 'pruned', 'failed')) AS finished,
       (SELECT count(*) FROM trial b WHERE b.study = t.study AND b.sampler <> 'seeds' AND
        (SELECT v.to_status FROM trial_event v WHERE v.trial = b.id AND v.seq <= t.seq_cut ORDER BY v.seq DESC LIMIT 1)
        IN ('waiting', 'running')) AS under_way,
       (SELECT count(*) FROM trial b WHERE b.study = t.study AND b.sampler <> 'seeds' AND
        (SELECT v.to_status FROM trial_event v WHERE v.trial = b.id AND v.seq <= t.seq_cut ORDER BY v.seq DESC LIMIT 1)
        = 'paused') AS paused,
       (SELECT b.number FROM study g JOIN trial b ON b.study = g.id JOIN epoch e ON e.trial = b.id WHERE g.id = t.study
        AND e.seq <= t.seq_cut AND e.value IS NOT NULL AND b.sampler <> 'seeds' ORDER BY iif(g.goal = 'maximize', -e.value, e.value), b.number LIMIT 1) AS best_trial,
       (SELECT e.value FROM study g JOIN trial b ON b.study = g.id JOIN epoch e ON e.trial = b.id WHERE g.id = t.study
        AND e.seq <= t.seq_cut AND e.value IS NOT NULL AND b.sampler <> 'seeds' ORDER BY iif(g.goal = 'maximize', -e.value, e.value), b.number LIMIT 1) AS best,
       (SELECT x.stage FROM box x WHERE x.study = s.id AND x.seq <= t.seq_cut ORDER BY x.seq DESC LIMIT 1) AS stage,
       (SELECT x.walls FROM box x WHERE x.study = s.id AND x.seq <= t.seq_cut ORDER BY x.seq DESC LIMIT 1) AS box
FROM study s JOIN trial t ON t.study = s.id WHERE s.name = :study AND t.number = :trial;

-- name: trial_lineage
SELECT 'parent' AS kin, p.number AS trial, l.parent_epoch AS epoch, l.parent_attempt AS attempt, c.path, r.number AS other
FROM study s JOIN trial t ON t.study = s.id JOIN trial_lineage l ON l.trial = t.id JOIN trial p ON p.id = l.parent
JOIN trial r ON r.id = l.replaced
LEFT JOIN checkpoint c ON c.trial = l.parent AND c.attempt = l.parent_attempt AND c.epoch = l.parent_epoch
WHERE s.name = :study AND t.number = :trial
UNION ALL
SELECT 'child', k.number, l.parent_epoch, l.parent_attempt, NULL, r.number
FROM study s JOIN trial t ON t.study = s.id JOIN trial_lineage l ON l.parent = t.id JOIN trial k ON k.id = l.trial
JOIN trial r ON r.id = l.replaced
WHERE s.name = :study AND t.number = :trial
UNION ALL
SELECT 'heir', k.number, l.parent_epoch, l.parent_attempt, NULL, p.number
FROM study s JOIN trial t ON t.study = s.id JOIN trial_lineage l ON l.replaced = t.id JOIN trial k ON k.id = l.trial
JOIN trial p ON p.id = l.parent
WHERE s.name = :study AND t.number = :trial;

-- name: trial_bracket
SELECT b.round, b.bracket, b.first_trial, b.trials, b.min_epochs, b.eta, b.epochs
FROM study s JOIN study_bracket b ON b.study = s.id AND b.first_trial <= :trial
WHERE s.name = :study ORDER BY b.first_trial DESC LIMIT 1;

-- Where a paused trial stands at its rung: of all that got so far, by the score they had there. Under asha alone; a bracket
-- decides when all of its trials are there.
-- name: trial_rung
WITH me AS (SELECT t.id, t.study, t.last_epoch AS epoch, coalesce(s.definition ->> '$.prune.eta', 3) AS eta, s.goal,
                   coalesce(s.definition ->> '$.metric.score', 'best') AS score
            FROM (SELECT id, name, goal, iif(json_valid(definition), definition, '{}') AS definition FROM study) s
            JOIN trial t ON t.study = s.id
            WHERE s.name = :study AND t.number = :trial AND t.status = 'paused' AND s.definition ->> '$.prune.method' = 'asha'),
     there AS (SELECT t.id, t.number, max(iif(me.goal = 'maximize', e.value, -e.value)) AS y
               FROM me JOIN trial t ON t.study = me.study AND t.last_epoch >= me.epoch
               JOIN epoch_counted e ON e.trial = t.id AND e.epoch BETWEEN iif(me.score = 'last', me.epoch, 1) AND me.epoch
               WHERE t.deleted_ms IS NULL AND t.sampler <> 'seeds' GROUP BY t.id)
SELECT me.epoch, (SELECT count(*) FROM there) AS "of", (SELECT count(*) FROM there) / me.eta AS promoted,
       1 + (SELECT count(*) FROM there o WHERE o.y > m.y OR (o.y = m.y AND o.number < m.number)) AS rank
FROM me JOIN there m ON m.id = me.id;

-- name: trial_queue
SELECT (SELECT count(*) FROM attempt a JOIN trial b ON b.id = a.trial WHERE b.study = s.id AND a.outcome IS NULL) AS open,
       (SELECT count(*) FROM trial b WHERE b.study = s.id AND b.status = 'waiting' AND b.number < :trial) AS before,
       (SELECT coalesce(sum(w.slots), 0) FROM worker w WHERE w.left_ms IS NULL) AS slots,
       (SELECT count(*) FROM worker w WHERE w.left_ms IS NULL) AS workers,
       (SELECT count(*) FROM attempt a WHERE a.outcome IS NULL) AS busy
FROM study s WHERE s.name = :study;

-- Only where some point was repeated: what `hone best` ranks by then. exact() keeps every digit of the parameters.
-- name: best_front
SELECT c.trial, c.status, c.y1, c.y2, c.y3, c.best_epoch, c.epochs, s.definition -> '$.metric' AS goals,
       (SELECT json_group_object(sp.name, exact(p.value))
        FROM trial t CROSS JOIN study_param sp ON sp.study = t.study CROSS JOIN param p ON p.trial = t.id AND p.name = sp.name
        WHERE t.study = s.id AND t.number = c.trial) AS params, c.seconds, c.worker
FROM study s JOIN trial_scores c ON c.study = s.name WHERE s.name = :study;

-- One pass over the trials makes all lists of members: one for each group would be quadratic.
-- name: best_groups
WITH kept AS MATERIALIZED (
         SELECT m."group" AS trial, m.number FROM study s JOIN trial m ON m.study = s.id
         WHERE s.name = :study AND m.status = 'complete' AND m.score IS NOT NULL AND m.deleted_ms IS NULL
               AND m.sampler <> 'seeds'
         ORDER BY m."group", m.number),
     listed AS MATERIALIZED (SELECT trial, group_concat(number, ' ') AS members FROM kept GROUP BY trial)
SELECT g.study, g.trial, g.repeats, g.mean AS score, g.spread, g.metric, l.members,
       (SELECT json_group_object(sp.name, exact(p.value))
        FROM study s JOIN trial f ON f.study = s.id JOIN study_param sp ON sp.study = f.study
        CROSS JOIN param p ON p.trial = f.id AND p.name = sp.name
        WHERE s.name = g.study AND f.number = g.trial) AS params
FROM groups g CROSS JOIN listed l ON l.trial = g.trial
WHERE g.study = :study AND g.repeats > 0
      AND EXISTS (SELECT 1 FROM study s JOIN trial t ON t.study = s.id
                  WHERE s.name = :study AND t.repeat > 0 AND t.sampler <> 'seeds') -- asked once: it names no group
ORDER BY g.repeats DESC, iif((SELECT goal FROM study WHERE name = :study) = 'maximize', -g.mean, g.mean), g.trial;

-- ---- verify: what must hold in every database; each row of a result is something that does not ----

-- name: verify_integrity
SELECT NULL AS trial, integrity_check AS text FROM pragma_integrity_check WHERE integrity_check <> 'ok'
UNION ALL
SELECT NULL, 'a row of ' || "table" || ' refers to a row of ' || parent || ' that is not there' FROM pragma_foreign_key_check;

-- name: verify_seq
SELECT NULL AS trial, 'the number ' || seq || ' was given out ' || count(*) || ' times' AS text
FROM (SELECT seq FROM trial_event UNION ALL SELECT seq FROM epoch UNION ALL SELECT seq FROM box
      UNION ALL SELECT seq FROM box_event UNION ALL SELECT seq FROM study_event)
GROUP BY seq HAVING count(*) > 1;

-- name: verify_attempts
SELECT t.number AS trial, count(*) || ' attempts are open' AS text
FROM study s JOIN trial t ON t.study = s.id JOIN attempt a ON a.trial = t.id AND a.outcome IS NULL
WHERE s.name = :study GROUP BY t.id HAVING count(*) > 1
UNION ALL
SELECT t.number, 'attempt ' || a.attempt || ' is open, but ' || t.attempt || ' is the newest'
FROM study s JOIN trial t ON t.study = s.id JOIN attempt a ON a.trial = t.id AND a.outcome IS NULL
WHERE s.name = :study AND a.attempt <> t.attempt
UNION ALL
SELECT t.number, 'it is running without an open attempt'
FROM study s JOIN trial t ON t.study = s.id
WHERE s.name = :study AND t.status = 'running'
  AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.trial = t.id AND a.attempt = t.attempt AND a.outcome IS NULL)
UNION ALL
SELECT t.number, 'it has ' || count(a.attempt) || ' attempts and is at its ' || t.attempt || '.'
FROM study s JOIN trial t ON t.study = s.id LEFT JOIN attempt a ON a.trial = t.id
WHERE s.name = :study GROUP BY t.id HAVING count(a.attempt) <> t.attempt
UNION ALL
SELECT t.number, 'attempt ' || a.attempt || ' resumed from epoch ' || a.from_epoch || ', of which there is no checkpoint'
FROM study s JOIN trial t ON t.study = s.id JOIN attempt a ON a.trial = t.id
WHERE s.name = :study AND a.from_epoch > 0 AND NOT EXISTS
  (SELECT 1 FROM checkpoint c WHERE c.trial = t.id AND c.attempt < a.attempt AND c.epoch = a.from_epoch)
  AND NOT EXISTS
  (SELECT 1 FROM trial_lineage l JOIN checkpoint c ON c.trial = l.parent AND c.epoch = a.from_epoch
   WHERE l.trial = t.id AND c.epoch <= l.parent_epoch);

-- Epochs of an attempt come one after the other: their numbers rise with their seq. Those of the built-in trainer, which
-- always reports the metric, have no gap and begin where it resumed, or at 1.
-- name: verify_epochs
SELECT trial, 'attempt ' || attempt || ': epoch ' || epoch || ' came before epoch ' || before AS text
FROM (SELECT t.number AS trial, e.attempt, e.epoch, e.seq,
             lag(e.epoch) OVER w AS before, lag(e.seq) OVER w AS seq_before
      FROM study s JOIN trial t ON t.study = s.id JOIN epoch e ON e.trial = t.id
      WHERE s.name = :study WINDOW w AS (PARTITION BY t.id, e.attempt ORDER BY e.epoch))
WHERE seq < seq_before
UNION ALL
SELECT t.number, 'attempt ' || a.attempt || ' has ' || count(*) || ' epochs from ' || min(e.epoch) || ' to ' ||
       max(e.epoch) || ', resumed from ' || a.from_epoch
FROM study s JOIN trial t ON t.study = s.id JOIN attempt a ON a.trial = t.id
JOIN epoch e ON e.trial = t.id AND e.attempt = a.attempt AND e.epoch > 0
WHERE s.name = :study AND json_extract(s.definition, '$.trainer.builtin') IS NOT NULL
GROUP BY t.id, a.attempt
HAVING max(e.epoch) - min(e.epoch) + 1 <> count(*) OR min(e.epoch) NOT IN (1, a.from_epoch + 1)
UNION ALL
SELECT t.number, 'it is at epoch ' || t.last_epoch || ', its newest epoch is ' || coalesce(max(e.epoch), 0)
FROM study s JOIN trial t ON t.study = s.id LEFT JOIN epoch e ON e.trial = t.id
WHERE s.name = :study GROUP BY t.id HAVING t.last_epoch <> coalesce(max(e.epoch), 0);

-- The score is the best of the curve, or its last; of equal ones the first.
-- name: verify_scores
SELECT c.number AS trial, 'its score is ' || coalesce(c.score, 'none') || ' of epoch ' || coalesce(c.best_epoch, 'none') ||
       ', its curve says ' || coalesce(c.value, 'none') || ' of epoch ' || coalesce(c.epoch, 'none') AS text
FROM (SELECT t.number, t.score, t.best_epoch, e.value, iif(e.value IS NULL, NULL, e.epoch) AS epoch,
             row_number() OVER (PARTITION BY t.id ORDER BY e.value IS NULL,
                                iif(s.goal = 'maximize', -e.value, e.value), e.epoch) AS place
      FROM study s JOIN trial t ON t.study = s.id
      LEFT JOIN epoch_counted e ON e.trial = t.id AND e.epoch > 0
           AND (json_extract(s.definition, '$.metric.score') IS NOT 'last' OR e.epoch = t.last_epoch)
      WHERE s.name = :study) c
WHERE c.place = 1 AND (c.score IS NOT c.value OR c.best_epoch IS NOT c.epoch);

-- Cancelled trials are replaced by others and do not count; a retry goes beyond the budget; one that was lowered when it was
-- spent binds nobody afterwards.
-- name: verify_budget
SELECT NULL AS trial, count(*) || ' trials were sampled, ' || json_extract(s.definition, '$.search.trials') ||
       ' are planned' AS text
FROM study s JOIN trial t ON t.study = s.id
WHERE s.name = :study AND t.sampler NOT IN ('enqueued', 'seeds')
  AND NOT EXISTS (SELECT 1 FROM trial_event v WHERE v.trial = t.id AND v.to_status = 'cancelled')
GROUP BY s.id HAVING count(*) > max(json_extract(s.definition, '$.search.trials'),
                                    coalesce((SELECT max(coalesce(CAST(e.before AS INTEGER), 1 << 62)) FROM study_event e
                                              WHERE e.study = s.id AND e.event = 'edit' AND e.path = 'search.trials'), 0))
UNION ALL
SELECT t.number, 'it is ' || t.status || ' in a study that has ended'
FROM study s JOIN trial t ON t.study = s.id
WHERE s.name = :study AND s.end_reason IS NOT NULL AND t.status IN ('waiting', 'running', 'paused')
  AND t.sampler <> 'seeds' -- for an ensemble, after the search
UNION ALL
SELECT t.number, 'two trials of its group have the repeat ' || t.repeat
FROM study s JOIN trial t ON t.study = s.id
WHERE s.name = :study GROUP BY t."group", t.repeat HAVING count(*) > 1;

-- name: verify_events
SELECT t.number AS trial, v.seq, v.event, v.from_status, v.to_status, v.cause, t.status, t.cause AS trial_cause
FROM study s JOIN trial t ON t.study = s.id LEFT JOIN trial_event v ON v.trial = t.id
WHERE s.name = :study ORDER BY t.number, v.seq;

-- Files as rows know them; those that are gone are of no interest.
-- name: files
SELECT s.name AS study, t.number AS trial, c.attempt, c.epoch, c.state, c.path, c.bytes, c.hash
FROM study s JOIN trial t ON t.study = s.id JOIN checkpoint c ON c.trial = t.id
WHERE c.state <> 'gone' AND (:study IS NULL OR s.name = :study) ORDER BY s.id, t.number, c.attempt, c.epoch;


-- ---- the dashboard (web/): each is read by many pages again and again, so none is longer than it must be ----

-- What a commit may change: seq, and what changes without one.
-- name: dash_version
SELECT max(coalesce((SELECT max(seq) FROM trial_event), 0), coalesce((SELECT max(seq) FROM box), 0),
           coalesce((SELECT max(seq) FROM box_event), 0), coalesce((SELECT max(seq) FROM study_event), 0),
           coalesce((SELECT max(e.seq) FROM attempt a CROSS JOIN trial t ON t.id = a.trial
                     CROSS JOIN epoch e ON e.trial = t.id AND e.epoch = t.last_epoch WHERE a.outcome IS NULL), 0))
           AS seq,
       (SELECT count(*) FROM trial WHERE deleted_ms IS NOT NULL) AS deleted,
       (SELECT value FROM meta WHERE key = 'uuid') || ' ' || coalesce((SELECT max(id) FROM trial_finding), 0) || ' ' ||
       coalesce((SELECT max(id) FROM check_result), 0) || ' ' ||
       (SELECT group_concat(wish || coalesce(end_reason, '') || coalesce(checked, '') || name) FROM study) || ' ' ||
       coalesce((SELECT group_concat(study || '-' || at_ms) FROM study_unreadable), '') || ' ' ||
       coalesce((SELECT group_concat(mode || joined_ms || '-' || coalesce(left_ms, 0)) FROM worker), '') AS rest;

-- name: dash_studies
SELECT s.id, p.study, p.wish, p.checks, p.waiting, p.running, p.paused, p.complete, p.pruned, p.failed, p.cancelled,
       p.epochs, p.best_trial, p.best_score, p.end_reason, s.created_ms, s.ended_ms,
       (SELECT min(t.started_ms) FROM trial t WHERE t.study = s.id) AS started_ms,
       s.definition -> '$.metric' AS metrics, coalesce(s.definition ->> '$.search.method', 'auto') AS method,
       s.definition ->> '$.search.trials' AS trials_budget, p.metric, p.goal, p.unreadable,
       (SELECT u.hint FROM study_unreadable u WHERE u.study = s.id) AS unreadable_hint
FROM study_progress p
JOIN (SELECT id, name, created_ms, ended_ms, iif(json_valid(definition), definition, '{}') AS definition FROM study) s
ON s.name = p.study
WHERE :study IS NULL OR s.name = :study ORDER BY s.id DESC;

-- The box of now: NULL while it is the space.
-- name: dash_box
SELECT iif(json_valid(s.definition), s.definition, NULL) AS definition,
       (SELECT b.walls FROM box b WHERE b.study = s.id ORDER BY b.seq DESC LIMIT 1) AS walls
FROM study s WHERE s.name = :study;

-- Of a study with one metric there is no more to look up than its trials. :after: what changed since that seq.
-- name: dash_trials
SELECT t.number AS trial, t."group", t.status, t.cause,
       (SELECT json_group_object(sp.name, exact(p.value))
        FROM study_param sp LEFT JOIN param p ON p.trial = t.id AND p.name = sp.name WHERE sp.study = t.study) AS params,
       s.metrics, t.score,
       CASE WHEN s.metrics > 1 THEN
           (SELECT iif(s.name2 = 'seconds', e.seconds,
                       (SELECT v.value FROM metric m JOIN epoch_metric v ON v.metric = m.id AND v.trial = e.trial
                               AND v.epoch = e.epoch AND v.attempt = e.attempt WHERE m.study = s.id AND m.name = s.name2))
            FROM epoch_counted e WHERE e.trial = t.id AND e.epoch = t.best_epoch) END AS value2,
       CASE WHEN s.metrics > 2 THEN
           (SELECT iif(s.name3 = 'seconds', e.seconds,
                       (SELECT v.value FROM metric m JOIN epoch_metric v ON v.metric = m.id AND v.trial = e.trial
                               AND v.epoch = e.epoch AND v.attempt = e.attempt WHERE m.study = s.id AND m.name = s.name3))
            FROM epoch_counted e WHERE e.trial = t.id AND e.epoch = t.best_epoch) END AS value3,
       t.best_epoch, t.last_epoch AS epochs, (t.ended_ms - t.started_ms) / 1000.0 AS seconds,
       (SELECT w.name FROM attempt a JOIN worker w ON w.id = a.worker
        WHERE a.trial = t.id AND a.attempt = t.attempt) AS worker,
       t.sampler, t.why,
       (SELECT b.stage FROM box b WHERE b.study = s.id AND b.seq <= t.seq_cut ORDER BY b.seq DESC LIMIT 1) AS stage,
       iif(t.status = 'paused', t.last_epoch, NULL) AS rung,
       (SELECT p.number FROM trial_lineage l JOIN trial p ON p.id = l.parent WHERE l.trial = t.id) AS parent,
       t.created_ms, t.started_ms, t.ended_ms
FROM (SELECT id, CASE json_type(definition, '$.metric') WHEN 'array' THEN json_array_length(definition, '$.metric') ELSE 1 END
                 AS metrics,
             definition ->> '$.metric[1].name' AS name2, definition ->> '$.metric[2].name' AS name3
      FROM (SELECT id, iif(json_valid(definition), definition, '{}') AS definition FROM study WHERE name = :study)) s
CROSS JOIN trial t ON t.study = s.id
WHERE t.deleted_ms IS NULL
  AND (:after IS NULL OR t.status = 'running' OR t.id IN (SELECT v.trial FROM trial_event v WHERE v.seq > :after))
ORDER BY t.number;

-- Of a long curve about a thousand epochs, its best and its last among them. :trials is a JSON list of numbers, :metric
-- NULL the study's own.
-- name: dash_curves
SELECT t.number AS trial, e.epoch,
       CASE WHEN :metric IS NULL OR :metric = s.metric THEN e.value WHEN :metric = 'seconds' THEN e.seconds
       ELSE (SELECT v.value FROM metric m JOIN epoch_metric v ON v.metric = m.id AND v.trial = e.trial AND v.epoch = e.epoch
                    AND v.attempt = e.attempt WHERE m.study = s.id AND m.name = :metric) END AS value, e.seconds
FROM study s CROSS JOIN trial t ON t.study = s.id AND t.number IN (SELECT value FROM json_each(:trials))
CROSS JOIN epoch_counted e ON e.trial = t.id
WHERE s.name = :study AND (e.epoch % (1 + t.last_epoch / 1000) = 0 OR e.epoch IN (t.best_epoch, t.last_epoch))
ORDER BY t.number, e.epoch;

-- The same of one trial and each of its metrics, of the first sixty.
-- name: dash_trial_curves
SELECT s.metric AS metric, e.epoch, e.value, e.seconds
FROM study s CROSS JOIN trial t ON t.study = s.id AND t.number = :trial CROSS JOIN epoch_counted e ON e.trial = t.id
WHERE s.name = :study AND (e.epoch % (1 + t.last_epoch / 1000) = 0 OR e.epoch IN (t.best_epoch, t.last_epoch))
UNION ALL
SELECT m.name, e.epoch, v.value, e.seconds
FROM study s CROSS JOIN trial t ON t.study = s.id AND t.number = :trial CROSS JOIN epoch_counted e ON e.trial = t.id
CROSS JOIN epoch_metric v ON v.trial = e.trial AND v.epoch = e.epoch AND v.attempt = e.attempt
CROSS JOIN metric m ON m.id = v.metric
WHERE s.name = :study AND (e.epoch % (1 + t.last_epoch / 1000) = 0 OR e.epoch IN (t.best_epoch, t.last_epoch))
  AND m.id IN (SELECT id FROM metric WHERE study = s.id ORDER BY id LIMIT 60)
ORDER BY 1, 2;

-- The newest :limit after :after. A finding has no seq of its own: it came with its epoch.
-- name: dash_events
SELECT * FROM (
    SELECT v.seq AS id, v.at_ms, t.number AS trial, 'move' AS kind, v.event, v.from_status, v.to_status, v.cause, v.attempt,
           NULL AS epoch, t.sampler, (SELECT w.name FROM attempt a JOIN worker w ON w.id = a.worker
                                      WHERE a.trial = t.id AND a.attempt = v.attempt) AS who, NULL AS text, NULL AS advice
    FROM study s CROSS JOIN trial_event v CROSS JOIN trial t ON t.id = v.trial AND t.study = s.id
    WHERE s.name = :study AND v.seq > coalesce(:after, 0) ORDER BY v.seq DESC LIMIT coalesce(:limit, -1))
UNION ALL
SELECT * FROM (
    SELECT e.seq, e.received_ms, t.number, 'finding', f.rule, NULL, NULL, NULL, f.attempt, f.epoch, NULL, NULL, f.text, f.advice
    FROM study s CROSS JOIN trial_finding f CROSS JOIN trial t ON t.id = f.trial AND t.study = s.id
    CROSS JOIN epoch e ON e.trial = f.trial AND e.epoch = f.epoch AND e.attempt = f.attempt
    WHERE s.name = :study AND e.seq > coalesce(:after, 0) ORDER BY f.id DESC LIMIT coalesce(:limit, -1))
UNION ALL
SELECT * FROM (
    SELECT v.seq, v.at_ms, NULL, 'edit', v.event, NULL, v.after, NULL, NULL, NULL, NULL, v.who, v.path, NULL
    FROM study s JOIN study_event v ON v.study = s.id
    WHERE s.name = :study AND v.seq > coalesce(:after, 0) ORDER BY v.seq DESC LIMIT coalesce(:limit, -1))
ORDER BY id DESC LIMIT coalesce(:limit, -1);

-- The newest :limit.
-- name: dash_walls
SELECT b.* FROM study s JOIN box_event b ON b.study = s.id WHERE s.name = :study ORDER BY b.seq DESC LIMIT coalesce(:limit, -1);

-- The newest :limit that have begun.
-- name: dash_attempts
SELECT t.number AS trial, a.attempt, w.name AS worker, a.started_ms, a.ended_ms, a.outcome
FROM study s JOIN trial t ON t.study = s.id JOIN attempt a ON a.trial = t.id JOIN worker w ON w.id = a.worker
WHERE s.name = :study AND t.deleted_ms IS NULL ORDER BY a.started_ms DESC, t.number DESC LIMIT coalesce(:limit, -1);
