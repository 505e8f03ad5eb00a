-- A journal as version 1 of it was made, with a task that is open and one that has a frame.
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE number(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO number VALUES ('seed_0', random()), ('seed_1', random()), ('seq', 0), ('owner', 0);
CREATE TABLE owner(number INTEGER PRIMARY KEY, client TEXT NOT NULL, resume_hash TEXT, curve_key TEXT, name TEXT, kind TEXT, seen_ms INTEGER NOT NULL);
CREATE TABLE task(seq INTEGER PRIMARY KEY, phase INTEGER NOT NULL, settled INTEGER NOT NULL, parts INTEGER NOT NULL, owner INTEGER NOT NULL, uid TEXT NOT NULL, task_id TEXT NOT NULL, job_id TEXT, tenant TEXT, key TEXT, pipeline TEXT NOT NULL, parent TEXT, retry_of TEXT, digest_0 INTEGER NOT NULL, digest_1 INTEGER NOT NULL, priority REAL NOT NULL, depth INTEGER NOT NULL, silent INTEGER NOT NULL, submitted_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, attempt INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, header BLOB, status TEXT, code TEXT, message TEXT, version TEXT, started_ms INTEGER, finished_ms INTEGER, run_ms INTEGER, cpu_ms INTEGER, max_rss_bytes INTEGER, cached INTEGER, data BLOB);
CREATE INDEX task_by_id ON task(task_id);
CREATE INDEX task_by_uid ON task(uid) WHERE uid <> task_id;
CREATE INDEX task_by_job ON task(job_id) WHERE job_id IS NOT NULL;
CREATE INDEX task_by_key ON task(key) WHERE key IS NOT NULL;
CREATE INDEX task_live ON task(seq) WHERE settled = 0;
CREATE INDEX task_closed ON task(finished_ms) WHERE phase = 2;
CREATE INDEX task_dead ON task(finished_ms) WHERE phase = 3;
CREATE TABLE part(id INTEGER PRIMARY KEY, name TEXT, media_type TEXT, size INTEGER NOT NULL, bytes BLOB, spool TEXT);
CREATE TABLE note(seq INTEGER NOT NULL, n INTEGER NOT NULL, at_ms INTEGER NOT NULL, attempt INTEGER NOT NULL, event TEXT NOT NULL, code TEXT, message TEXT, details BLOB, run_ms INTEGER NOT NULL, cpu_ms INTEGER NOT NULL, max_rss_bytes INTEGER NOT NULL, PRIMARY KEY(seq, n)) WITHOUT ROWID;
INSERT INTO task(seq, phase, settled, parts, owner, uid, task_id, pipeline, digest_0, digest_1, priority, depth, silent,
                 submitted_ms, expires_ms, attempt, not_before_ms, header)
VALUES (1, 0, 0, 0, 7, 'uid-1', 'plain', 'echo', 1, 2, 5.0, 0, 0, 1000, 0, 0, 0, '{}'),
       (2, 0, 0, 1, 8, 'uid-2', 'with-a-frame', 'echo', 1, 2, 5.0, 0, 0, 1000, 0, 0, 0, '{}');
INSERT INTO part VALUES (2 * 8192 + 1, 'frame', NULL, 5, CAST('bytes' AS BLOB), NULL);
UPDATE number SET value = 65536 WHERE name = 'seq';
PRAGMA application_id = 1348824650;
PRAGMA user_version = 1;
COMMIT;
