/** Tables of the SQLite store. Digests, keys and numbers in the clear; nothing in them opens a session. */

export const schemaVersion = 1

export const schema = `
CREATE TABLE IF NOT EXISTS sessions (
  ref TEXT PRIMARY KEY, principal TEXT NOT NULL, agent TEXT NOT NULL, agent_scope TEXT NOT NULL, parent TEXT NOT NULL,
  group_key TEXT NOT NULL, principal_epoch INTEGER NOT NULL, agent_epoch INTEGER NOT NULL,
  generation INTEGER NOT NULL, version INTEGER NOT NULL, fence INTEGER NOT NULL,
  opened_at INTEGER NOT NULL, authenticated_at INTEGER NOT NULL, absolute_end INTEGER NOT NULL,
  credential_end INTEGER NOT NULL, last_used_at INTEGER NOT NULL, idle_timeout INTEGER NOT NULL,
  regenerated_at INTEGER NOT NULL, next_end INTEGER NOT NULL, meta TEXT NOT NULL, data TEXT NOT NULL, turns TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_by_group ON sessions (group_key);
CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (next_end);
CREATE TABLE IF NOT EXISTS handles (
  digest TEXT PRIMARY KEY, ref TEXT NOT NULL, generation INTEGER NOT NULL, kind TEXT NOT NULL, place INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS handles_by_session ON handles (ref);
CREATE TABLE IF NOT EXISTS tombstones (digest TEXT PRIMARY KEY, ref TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tombstones_by_end ON tombstones (until);
CREATE TABLE IF NOT EXISTS epochs (scope TEXT PRIMARY KEY, epoch INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS epochs_by_end ON epochs (until);
CREATE TABLE IF NOT EXISTS consumed (key TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS consumed_by_end ON consumed (until);
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO numbers VALUES ('sessions', 0), ('clock', 0);
PRAGMA user_version = ${schemaVersion};
`

/** A session with all that its life depends on, in one look: one statement is one snapshot. */
const life = `
  s.*, coalesce(pe.epoch, 0) AS principal_now, coalesce(ae.epoch, 0) AS agent_now,
  p.ref AS parent_ref, p.principal AS parent_principal, p.parent AS parent_parent,
  p.absolute_end AS parent_absolute_end, p.credential_end AS parent_credential_end,
  p.last_used_at AS parent_last_used_at, p.idle_timeout AS parent_idle_timeout,
  p.principal_epoch AS parent_principal_epoch, p.agent_epoch AS parent_agent_epoch,
  coalesce(pae.epoch, 0) AS parent_agent_now`
const joins = `
  LEFT JOIN epochs pe ON pe.scope = s.principal
  LEFT JOIN epochs ae ON ae.scope = s.agent_scope
  LEFT JOIN sessions p ON p.ref = s.parent AND s.parent <> ''
  LEFT JOIN epochs pae ON pae.scope = p.agent_scope`

export const statements = {
  byDigest: `SELECT h.generation AS handle_generation, h.kind AS handle_kind, ${life}
    FROM handles h JOIN sessions s ON s.ref = h.ref ${joins} WHERE h.digest = ?`,
  byRef: `SELECT ${life} FROM sessions s ${joins} WHERE s.ref = ?`,
  byGroup: `SELECT ${life} FROM sessions s ${joins} WHERE s.group_key = ? ORDER BY s.opened_at, s.rowid`,
  suspects: `SELECT ${life} FROM sessions s ${joins} WHERE s.next_end <= ? ORDER BY s.next_end LIMIT ?`,
  groupCount: `SELECT count(*) AS n FROM sessions WHERE group_key = ?`,
  insert: `INSERT INTO sessions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
  touch: `UPDATE sessions SET last_used_at = ?, credential_end = ?, next_end = ? WHERE ref = ?`,
  write: `UPDATE sessions SET data = ?, version = version + 1 WHERE ref = ?`,
  regenerate: `UPDATE sessions SET generation = generation + 1, regenerated_at = ?, last_used_at = ?,
    authenticated_at = ?, meta = ?, absolute_end = ?, credential_end = ?, next_end = ? WHERE ref = ?`,
  bind: `UPDATE sessions SET principal = ?, agent = ?, agent_scope = ?, group_key = ?, principal_epoch = ?,
    agent_epoch = ? WHERE ref = ?`,
  keep: `UPDATE sessions SET principal_epoch = ? WHERE ref = ?`,
  turns: `UPDATE sessions SET turns = ?, fence = ? WHERE ref = ?`,
  remove: `DELETE FROM sessions WHERE ref = ?`,
  addHandle: `INSERT INTO handles VALUES (?, ?, ?, ?, (SELECT coalesce(max(place), 0) + 1 FROM handles WHERE ref = ?))`,
  liveHandles: `SELECT count(*) AS n FROM handles WHERE ref = ? AND generation = ?`,
  forgetHandles: `DELETE FROM handles WHERE ref = ? AND digest <> ref AND place <= (SELECT max(place) FROM handles WHERE ref = ?) - ?`,
  buryHandles: `INSERT OR REPLACE INTO tombstones SELECT digest, ref, ? FROM handles WHERE ref = ?`,
  removeHandles: `DELETE FROM handles WHERE ref = ?`,
  isTaken: `SELECT 1 AS taken FROM handles WHERE digest = ? UNION ALL SELECT 1 FROM tombstones WHERE digest = ? AND until > ?`,
  tombstone: `SELECT ref FROM tombstones WHERE digest = ? AND until > ?`,
  epoch: `SELECT epoch FROM epochs WHERE scope = ?`,
  setEpoch: `INSERT INTO epochs VALUES (?, ?, ?) ON CONFLICT (scope) DO UPDATE SET epoch = excluded.epoch, until = excluded.until`,
  extendEpoch: `UPDATE epochs SET until = ? WHERE scope = ? AND until < ?`,
  isConsumed: `SELECT 1 AS consumed FROM consumed WHERE key = ? AND until > ?`,
  consume: `INSERT INTO consumed VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET until = excluded.until`,
  sweepTombstones: `DELETE FROM tombstones WHERE digest IN (SELECT digest FROM tombstones WHERE until <= ? LIMIT ?)`,
  sweepEpochs: `DELETE FROM epochs WHERE scope IN (SELECT scope FROM epochs WHERE until <= ? LIMIT ?)`,
  sweepConsumed: `DELETE FROM consumed WHERE key IN (SELECT key FROM consumed WHERE until <= ? LIMIT ?)`,
  number: `SELECT value AS n FROM numbers WHERE name = ?`,
  addNumber: `UPDATE numbers SET value = value + ? WHERE name = ?`,
  countOpening: `INSERT INTO numbers VALUES ('openings', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1`,
  raiseLongest: `INSERT INTO numbers VALUES ('longest', ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`,
  raiseClock: `UPDATE numbers SET value = ? WHERE name = 'clock' AND value < ?`,
} as const

export type StatementName = keyof typeof statements
