-- views.sql: what people ask of the database by hand. Plain SQL that any sqlite3 runs; times are ISO-8601 UTC text.
-- Per study there is one more view, named like the study, with one row per trial (store_study_view.c makes it).
-- The words of the columns: `epochs` is how many are trained so far; `score` is the study's metric at its
-- `best_epoch`; `worker` is who ran the newest attempt. Trials of `hone ensemble --seeds` (sampler 'seeds') are the same
-- configuration once more and no part of the search: rankings and counts leave them out.


-- epoch_counted: of each (trial, epoch) the row of its newest attempt: what curves, samplers and pruners see.
CREATE VIEW epoch_counted AS
SELECT e.trial, e.epoch, e.attempt, e.seq, e.value, e.seconds, e.received_ms
FROM epoch e
WHERE NOT EXISTS (SELECT 1 FROM epoch n WHERE n.trial = e.trial AND n.epoch = e.epoch AND n.attempt > e.attempt);


-- best_trials: trials that run, have ended or have a score; the newest study first, in it the best first by the
-- study's goal, those without a score last, ties to the lower number.
--   SELECT * FROM best_trials LIMIT 10;
CREATE VIEW best_trials AS
SELECT s.name AS study, t.number AS trial, t.status, t.score, s.metric, t.best_epoch, t.last_epoch AS epochs,
       (SELECT json_group_object(sp.name, p.value)
        FROM study_param sp CROSS JOIN param p ON p.trial = t.id AND p.name = sp.name
        WHERE sp.study = t.study) AS params,
       (SELECT w.name FROM attempt a JOIN worker w ON w.id = a.worker
        WHERE a.trial = t.id AND a.attempt = t.attempt) AS worker,
       strftime('%Y-%m-%dT%H:%M:%fZ', t.started_ms / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', t.ended_ms / 1000.0, 'unixepoch') AS ended_at
FROM study s JOIN trial t ON t.study = s.id
WHERE (t.score IS NOT NULL OR t.status NOT IN ('waiting', 'paused')) AND t.deleted_ms IS NULL
      AND t.sampler <> 'seeds'
ORDER BY s.id DESC, t.score IS NULL, iif(s.goal = 'maximize', -t.score, t.score), t.number;


-- leaderboard: rank 1, 2, 3 ... in each study, of the trials that have a score.
--   SELECT * FROM leaderboard WHERE study = 'spiral' AND rank <= 10;
CREATE VIEW leaderboard AS
SELECT r.study, r.rank, t.number AS trial, t.status, t.score, r.metric, t.best_epoch, t.last_epoch AS epochs,
       (SELECT json_group_object(sp.name, p.value)
        FROM study_param sp CROSS JOIN param p ON p.trial = t.id AND p.name = sp.name
        WHERE sp.study = t.study) AS params,
       (SELECT w.name FROM attempt a JOIN worker w ON w.id = a.worker
        WHERE a.trial = t.id AND a.attempt = t.attempt) AS worker
FROM (SELECT s.name AS study, s.id AS study_id, s.metric, i.id,
             row_number() OVER (PARTITION BY s.id
                                ORDER BY iif(s.goal = 'maximize', -i.score, i.score), i.number) AS rank
      FROM study s JOIN trial i ON i.study = s.id
      WHERE i.score IS NOT NULL AND i.deleted_ms IS NULL AND i.sampler <> 'seeds') r
JOIN trial t ON t.id = r.id
ORDER BY r.study_id DESC, r.rank;


-- learning_curves: one row per epoch that counts and per metric, the study's own metric included.
--   SELECT epoch, value FROM learning_curves WHERE study = 'spiral' AND trial = 7 AND metric = 'val_acc';
CREATE VIEW learning_curves AS
SELECT s.name AS study, t.number AS trial, e.epoch, e.attempt, s.metric AS metric, e.value, e.seconds,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.received_ms / 1000.0, 'unixepoch') AS at
FROM study s JOIN trial t ON t.study = s.id JOIN epoch_counted e ON e.trial = t.id
UNION ALL
SELECT s.name, t.number, e.epoch, e.attempt, m.name, v.value, e.seconds,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.received_ms / 1000.0, 'unixepoch')
FROM study s JOIN trial t ON t.study = s.id JOIN epoch_counted e ON e.trial = t.id
JOIN epoch_metric v ON v.trial = e.trial AND v.epoch = e.epoch AND v.attempt = e.attempt
JOIN metric m ON m.id = v.metric;


-- study_progress: one row per study, the newest first: the user's wish, how many trials are where, epochs trained,
-- the best so far, why it ended, and why it cannot be read (NULL: it can).
CREATE VIEW study_progress AS
SELECT s.name AS study, s.wish, count(t.id) AS trials,
       count(*) FILTER (WHERE t.status = 'waiting') AS waiting,
       count(*) FILTER (WHERE t.status = 'running') AS running,
       count(*) FILTER (WHERE t.status = 'paused') AS paused,
       count(*) FILTER (WHERE t.status = 'complete') AS complete,
       count(*) FILTER (WHERE t.status = 'pruned') AS pruned,
       count(*) FILTER (WHERE t.status = 'failed') AS failed,
       count(*) FILTER (WHERE t.status = 'cancelled') AS cancelled,
       coalesce(sum(t.last_epoch), 0) AS epochs,
       (SELECT b.score FROM study g JOIN trial b ON b.study = g.id WHERE g.id = s.id AND b.score IS NOT NULL
        AND b.deleted_ms IS NULL AND b.sampler <> 'seeds'
        ORDER BY iif(g.goal = 'maximize', -b.score, b.score), b.number LIMIT 1) AS best_score,
       (SELECT b.number FROM study g JOIN trial b ON b.study = g.id WHERE g.id = s.id AND b.score IS NOT NULL
        AND b.deleted_ms IS NULL AND b.sampler <> 'seeds'
        ORDER BY iif(g.goal = 'maximize', -b.score, b.score), b.number LIMIT 1) AS best_trial,
       s.metric, s.goal,
       strftime('%Y-%m-%dT%H:%M:%fZ', s.created_ms / 1000.0, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', min(t.started_ms) / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', s.ended_ms / 1000.0, 'unixepoch') AS ended_at,
       s.wall_used_ms / 1000.0 AS wall_seconds, s.slot_used_ms / 1000.0 AS slot_seconds,
       s.end_reason, iif(s.checks = 'skip', 'skipped', coalesce(s.checked, 'pending')) AS checks,
       (SELECT u.text FROM study_unreadable u WHERE u.study = s.id) AS unreadable
FROM study s LEFT JOIN trial t ON t.study = s.id AND t.sampler <> 'seeds'
GROUP BY s.id
ORDER BY s.id DESC;


-- study_checks: what the checks before the first trial said, the newest study first; of a study that was checked again
-- the newest checks, and the smoke runs of further workers.
--   SELECT * FROM study_checks WHERE verdict IN ('suspicious', 'wrong');
CREATE VIEW study_checks AS
SELECT s.name AS study, c.gate, c.name AS "check", c.part, c.verdict, c.value, c.expected, c.text, c.hint, w.name AS worker,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.at_ms / 1000.0, 'unixepoch') AS at
FROM study s JOIN check_result c ON c.study = s.id JOIN worker w ON w.id = c.worker
WHERE c.at_ms >= (SELECT max(n.at_ms) FROM check_result n WHERE n.study = s.id AND NOT n.smoke)
ORDER BY s.id DESC, c.id;


-- findings: what looked wrong with trainings while they ran, the newest study first.
--   SELECT rule, count(*), round(avg(score), 3) FROM findings JOIN best_trials USING (study, trial) GROUP BY rule;
CREATE VIEW findings AS
SELECT s.name AS study, t.number AS trial, f.attempt, f.epoch, f.rule, f.action, f.text, f.advice
FROM study s JOIN trial t ON t.study = s.id JOIN trial_finding f ON f.trial = t.id
WHERE t.deleted_ms IS NULL
ORDER BY s.id DESC, t.number, f.id;


-- trial_scores: one row per trial that has ended with a score, of studies with several metrics ("metric": [...] in the study file).
-- `metrics` are all of them at the epoch that counts, in their order; y1, y2 and y3 are the same with more always better (y3 is
-- 0 where there are two).
CREATE VIEW trial_scores AS
SELECT r.study, r.trial, r.status, r.best_epoch, r.epochs,
       iif(r.name3 IS NULL, json_object(r.name1, r.x1, r.name2, r.x2), json_object(r.name1, r.x1, r.name2, r.x2, r.name3, r.x3))
           AS metrics,
       iif(r.goal1 = 'maximize', r.x1, -r.x1) AS y1, iif(r.goal2 = 'maximize', r.x2, -r.x2) AS y2,
       iif(r.name3 IS NULL, 0, iif(r.goal3 = 'maximize', r.x3, -r.x3)) AS y3, r.params, r.seconds, r.worker
FROM (SELECT s.id AS study_id, s.name AS study, t.number AS trial, t.status, t.best_epoch, t.last_epoch AS epochs,
             s.name1, s.goal1, s.name2, s.goal2, s.name3, s.goal3, t.score AS x1,
             iif(s.name2 = 'seconds', e.seconds,
                 (SELECT v.value FROM metric m JOIN epoch_metric v ON v.metric = m.id AND v.trial = e.trial
                         AND v.epoch = e.epoch AND v.attempt = e.attempt
                  WHERE m.study = s.id AND m.name = s.name2)) AS x2,
             iif(s.name3 = 'seconds', e.seconds,
                 (SELECT v.value FROM metric m JOIN epoch_metric v ON v.metric = m.id AND v.trial = e.trial
                         AND v.epoch = e.epoch AND v.attempt = e.attempt
                  WHERE m.study = s.id AND m.name = s.name3)) AS x3,
             (SELECT json_group_object(sp.name, p.value)
              FROM study_param sp CROSS JOIN param p ON p.trial = t.id AND p.name = sp.name
              WHERE sp.study = t.study) AS params,
             (t.ended_ms - t.started_ms) / 1000.0 AS seconds,
             (SELECT w.name FROM attempt a JOIN worker w ON w.id = a.worker
              WHERE a.trial = t.id AND a.attempt = t.attempt) AS worker
      FROM (SELECT id, name, definition ->> '$.metric[0].name' AS name1, definition ->> '$.metric[0].goal' AS goal1,
                   definition ->> '$.metric[1].name' AS name2, definition ->> '$.metric[1].goal' AS goal2,
                   definition ->> '$.metric[2].name' AS name3, definition ->> '$.metric[2].goal' AS goal3
            FROM (SELECT id, name, iif(json_valid(definition), definition, '{}') AS definition FROM study)
            WHERE json_array_length(definition, '$.metric') > 1) s
      JOIN trial t ON t.study = s.id JOIN epoch_counted e ON e.trial = t.id AND e.epoch = t.best_epoch
      WHERE t.score IS NOT NULL AND t.status IN ('complete', 'pruned') AND coalesce(t.cause, '') <> 'diverged'
            AND t.deleted_ms IS NULL AND t.sampler <> 'seeds') r
WHERE r.x2 IS NOT NULL AND (r.name3 IS NULL OR r.x3 IS NOT NULL)
ORDER BY r.study_id DESC, r.trial;


-- pareto: of those the ones that no other is at least as good as in every metric and better in one: the front. `dominates`
-- says how many trials are so beaten by it. The best by the first metric first. Whoever beats a trial has a lower sum of its
-- ranks by each metric: looked through by that sum, most trials meet one who does at once.
--   SELECT trial, metrics FROM pareto WHERE study = 'net';
CREATE VIEW pareto AS
WITH r AS (SELECT study, rank() OVER (PARTITION BY study ORDER BY y1 DESC) +
                         rank() OVER (PARTITION BY study ORDER BY y2 DESC) +
                         rank() OVER (PARTITION BY study ORDER BY y3 DESC) AS ranks,
                  y1, y2, y3, trial, status, metrics, best_epoch, epochs, params, worker FROM trial_scores),
     s AS MATERIALIZED (SELECT * FROM r ORDER BY ranks LIMIT -1) -- without a limit SQLite does not sort here
SELECT a.study, a.trial, a.status, a.metrics,
       (SELECT count(*) FROM s b WHERE b.study = a.study AND b.ranks > a.ranks
                                       AND b.y1 <= a.y1 AND b.y2 <= a.y2 AND b.y3 <= a.y3) AS dominates,
       a.best_epoch, a.epochs, a.params, a.worker
FROM s a
WHERE NOT EXISTS (SELECT 1 FROM s b WHERE b.study = a.study AND b.ranks < a.ranks
                                          AND b.y1 >= a.y1 AND b.y2 >= a.y2 AND b.y3 >= a.y3)
ORDER BY (SELECT id FROM study WHERE name = a.study) DESC, a.y1 DESC, a.trial;


-- worker_timeline: who trained what, when: one row per attempt; outcome, end and seconds are NULL while it runs.
CREATE VIEW worker_timeline AS
SELECT w.name AS worker, w.host, s.name AS study, t.number AS trial, a.attempt, a.outcome,
       strftime('%Y-%m-%dT%H:%M:%fZ', a.started_ms / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', a.ended_ms / 1000.0, 'unixepoch') AS ended_at,
       (a.ended_ms - a.started_ms) / 1000.0 AS seconds
FROM attempt a JOIN worker w ON w.id = a.worker JOIN trial t ON t.id = a.trial JOIN study s ON s.id = t.study
ORDER BY w.id, a.started_ms;


-- groups: one row per point with its repeats: the mean of the score over the complete ones and their sample standard
-- deviation (NULL for a single one). `trial` is the group's first, `repeats` how many are complete. Those with most
-- repeats first, then by mean: a single lucky run is not above a mean.
--   SELECT * FROM groups WHERE study = 'spiral' LIMIT 10;
CREATE VIEW groups AS
SELECT s.name AS study, t."group" AS trial, count(*) AS trials, count(*) FILTER (WHERE t.status = 'complete') AS repeats,
       avg(t.score) FILTER (WHERE t.status = 'complete') AS mean,
       CASE WHEN count(*) FILTER (WHERE t.status = 'complete') > 1 THEN
           sqrt(max(0, sum(t.score * t.score) FILTER (WHERE t.status = 'complete') -
                       count(*) FILTER (WHERE t.status = 'complete') *
                       pow(avg(t.score) FILTER (WHERE t.status = 'complete'), 2)) /
                (count(*) FILTER (WHERE t.status = 'complete') - 1)) END AS spread,
       s.metric,
       (SELECT json_group_object(sp.name, p.value)
        FROM trial f JOIN study_param sp ON sp.study = f.study CROSS JOIN param p ON p.trial = f.id AND p.name = sp.name
        WHERE f.study = t.study AND f.number = t."group") AS params
FROM study s JOIN trial t ON t.study = s.id
WHERE t.score IS NOT NULL AND t.deleted_ms IS NULL AND t.sampler <> 'seeds'
GROUP BY s.id, t."group"
ORDER BY s.id DESC, repeats DESC, iif(s.goal = 'maximize', -mean, mean), t."group";
