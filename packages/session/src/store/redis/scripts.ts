/**
 * The operations as scripts of Redis: each runs to its end before another begins. All keys begin with the one base that
 * is passed as key, which holds a hash tag, so that in a cluster they are on one node.
 *
 * Keys after the base: `s:` session (hash), `h:` handle (`<ref> <generation> <kind>`, or `! <ref>` once it ended),
 * `l:` digests of a session (list), `t:` turns (JSON), `g:` sessions of a group by opening (sorted set), `e:` epoch,
 * `n:` consumed key, `w:` a group was searched, `b:` how many handles were buried in a stretch of time, `all` sessions by their next end (sorted set), `longest` for how long
 * anything may live that was made so far. Values after the time:
 * see each script; its caller is in `redis.ts`.
 */
import { handleLimits, maxTombstones, tombstoneMs } from '../store.ts'
import { script } from './client.ts'

const prelude = `
local B = KEYS[1]
local call = redis.call
local num = tonumber
local now = num(ARGV[1])
if not now then
  local time = call('TIME')
  now = num(time[1]) * 1000 + math.floor(num(time[2]) / 1000)
end
local TOMBSTONE, TOMBSTONES, MARGIN = ${tombstoneMs}, ${maxTombstones}, 60000
local LIVE, RETIRED = ${handleLimits.live}, ${handleLimits.retired}

local function int(n) return string.format('%.0f', n) end

local function load(ref)
  local f = call('HMGET', B .. 's:' .. ref, 'p', 'a', 'pa', 'g', 'v', 'o', 'w', 'x', 'c', 'u', 'i', 'm', 'd', 'pe', 'ae', 'k', 'f', 'r')
  if not f[1] then return nil end
  return { ref = ref, p = f[1], a = f[2], pa = f[3], g = num(f[4]), v = num(f[5]), o = f[6], w = f[7], x = num(f[8]),
    c = num(f[9]), u = num(f[10]), i = num(f[11]), m = f[12], d = f[13], pe = f[14], ae = f[15], k = f[16],
    f = num(f[17]), r = num(f[18]) }
end

-- One text: a client spends more on taking an answer apart than a server on joining it.
local function show(s)
  local numbers = string.format('%s %s %s %s %.0f %.0f %s %s %.0f %.0f %.0f %.0f %.0f', s.ref, s.p, s.a, s.pa, s.g, s.v,
    s.o, s.w, s.x, s.c, s.u, s.i, now)
  return numbers .. '\\n' .. s.m .. '\\n' .. s.d
end

local function scope(p, a) if a == '' then return '' end return p .. '.' .. a end
local function epoch(of) if of == '' then return '0' end return call('GET', B .. 'e:' .. of) or '0' end

-- For as long as that, or longer where it was to be kept for longer.
local function keep(key, ms)
  if call('PTTL', key) < ms then call('PEXPIRE', key, int(ms)) end
end

local function remember(of, ms)
  if ms > num(call('GET', B .. 'longest') or '0') then call('SET', B .. 'longest', int(ms)) end
  if of == '' then return '0' end
  local known = call('GET', B .. 'e:' .. of)
  if not known then return '0' end
  keep(B .. 'e:' .. of, ms)
  return known
end

local function timedOut(s)
  if now >= s.x then return 'absolute-timeout' end
  if s.c ~= 0 and now >= s.c then return 'credential-expired' end
  if now - s.u >= s.i then return 'idle-timeout' end
  return nil
end

local function isNews(s, coalesce) return now > s.u and now - s.u >= math.min(coalesce, s.i / 30) end

local function nextEnd(s)
  local latest = s.x
  if s.c ~= 0 and s.c < latest then latest = s.c end
  if s.u + s.i < latest then latest = s.u + s.i end
  return latest
end

local function revoked(s)
  if s.pa == '' and s.pe ~= epoch(s.p) then return 'principal-revoked' end
  if s.ae ~= epoch(scope(s.p, s.a)) then return 'agent-reset' end
  return nil
end

local function parentLives(ref, p)
  local parent = load(ref)
  return parent and parent.pa == '' and parent.p == p and not timedOut(parent) and not revoked(parent)
end

local function overBy(s)
  local reason = timedOut(s) or revoked(s)
  if reason then return reason end
  if s.pa ~= '' and not parentLives(s.pa, s.p) then return 'parent-ended' end
  return nil
end

local function schedule(s)
  local ends = nextEnd(s)
  call('ZADD', B .. 'all', int(ends), s.ref)
  call('PEXPIRE', B .. 's:' .. s.ref, int(ends - now + MARGIN))
end

local function bury(s)
  -- First what frees memory: a server that is full refuses a script that begins by taking some.
  call('DEL', B .. 's:' .. s.ref, B .. 't:' .. s.ref)
  local digests = call('LRANGE', B .. 'l:' .. s.ref, 0, -1)
  local buried = B .. 'b:' .. int(math.floor(now / TOMBSTONE))
  local isRoom = call('INCRBY', buried, #digests) <= TOMBSTONES
  call('PEXPIRE', buried, TOMBSTONE)
  for _, digest in ipairs(digests) do
    if isRoom then call('SET', B .. 'h:' .. digest, '! ' .. s.ref, 'PX', TOMBSTONE) else call('DEL', B .. 'h:' .. digest) end
  end
  call('DEL', B .. 'l:' .. s.ref)
  call('ZREM', B .. 'all', s.ref)
  call('ZREM', B .. 'g:' .. s.k, s.ref)
end

local function addHandle(s, digest, kind)
  local list = B .. 'l:' .. s.ref
  call('SET', B .. 'h:' .. digest, s.ref .. ' ' .. int(s.g) .. ' ' .. kind, 'PX', int(s.x - now + MARGIN))
  call('RPUSH', list, digest)
  -- The first one is the reference, and stays.
  while call('LLEN', list) > LIVE + RETIRED + 1 do
    local second = call('LINDEX', list, 1)
    call('LREM', list, 1, second)
    call('DEL', B .. 'h:' .. second)
  end
  call('PEXPIRE', list, int(s.x - now + MARGIN))
end

-- The session of a handle, its generation and kind; the reference where it has ended.
local function find(digest)
  local value = call('GET', B .. 'h:' .. digest)
  if not value then return nil end
  local ref, g, kind = string.match(value, '^(%S+) (%S+) ?(%S*)$')
  if ref == '!' then return nil, g end
  local s = load(ref)
  if not s then return nil, ref end
  return s, ref, num(g), kind
end

local function live(ref)
  local s = load(ref)
  if not s then return nil, { 'gone' } end
  local reason = overBy(s)
  if not reason then return s end
  bury(s)
  return nil, { 'ended', show(s), reason }
end

-- Room for one more in the group: what had to end for it, or which cap stands against it.
local function makeRoom(group, groupCap, total, whenFull, added)
  local ended = {}
  local members = B .. 'g:' .. group
  local count = call('ZCARD', members)
  if count >= groupCap and (count <= 1000 or call('SET', B .. 'w:' .. group, '1', 'NX', 'PX', 1000)) then
    local idlest = nil
    for _, ref in ipairs(call('ZRANGE', members, 0, -1)) do
      local s = load(ref)
      local reason = s and overBy(s)
      if not s then
        call('ZREM', members, ref)
        call('ZREM', B .. 'all', ref)
      elseif reason then
        bury(s)
        ended[#ended + 1] = { show(s), reason }
      elseif not idlest or s.u < idlest.u then
        idlest = s
      end
    end
    if call('ZCARD', members) >= groupCap then
      if whenFull == 'refuse' or not idlest then return nil, 'group' end
      bury(idlest)
      ended[#ended + 1] = { show(idlest), 'cap' }
    end
  elseif count >= groupCap then
    return nil, 'group'
  end
  if call('ZCARD', B .. 'all') + added > total then return nil, 'total' end
  return ended
end

local function save(s)
  call('HSET', B .. 's:' .. s.ref, 'p', s.p, 'a', s.a, 'pa', s.pa, 'g', int(s.g), 'v', int(s.v), 'o', s.o, 'w', s.w,
    'x', int(s.x), 'c', int(s.c), 'u', int(s.u), 'i', int(s.i), 'm', s.m, 'd', s.d, 'pe', s.pe, 'ae', s.ae, 'k', s.k,
    'f', int(s.f), 'r', int(s.r))
end
`

/** digest kind principal agent parent group absolute idle credential meta data groupCap total whenFull */
const open = `
local digest, kind, p, a, pa, k = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if call('EXISTS', B .. 'h:' .. digest) == 1 then return { 'refused' } end
if pa ~= '' and not parentLives(pa, p) then return { 'refused' } end
local ended, scopeFull = makeRoom(k, num(ARGV[13]), num(ARGV[14]), ARGV[15], 1)
if not ended then return { 'full', scopeFull } end
local absolute = num(ARGV[8])
local s = { ref = digest, p = p, a = a, pa = pa, g = 1, v = 0, o = int(now), w = int(now), x = now + absolute,
  c = num(ARGV[10]), u = now, i = num(ARGV[9]), m = ARGV[11], d = ARGV[12], pe = remember(p, absolute),
  ae = remember(scope(p, a), absolute), k = k, f = 0, r = 0 }
save(s)
schedule(s)
call('ZADD', B .. 'g:' .. k, s.o, digest)
keep(B .. 'g:' .. k, absolute + MARGIN)
addHandle(s, digest, kind)
return { 'opened', show(s), ended }
`

/**
 * digest kind principal agent terms; the principal after an `=`, or nothing where it is not asked; the terms are activity,
 * credentialEnd, grace and coalesce. Asked for every request, so that it has few arguments and answers with one text.
 */
const resume = `
local activity, credential, grace, coalesce = string.match(ARGV[6], '^(%d) (%S+) (%S+) (%S+)$')
local s, ref, g, kind = find(ARGV[2])
if not s then
  if ref then return { 'refused', 'ended', ref } end
  return { 'unknown' }
end
if kind ~= ARGV[3] then return { 'refused', 'wrong-kind', ref } end
local reason = overBy(s)
if reason then
  bury(s)
  return { 'ended', show(s), reason }
end
if g ~= s.g then
  if now - s.r < num(grace) then return { 'refused', 'retired', ref } end
  bury(s)
  return { 'ended', show(s), 'handle-reused' }
end
if ARGV[4] ~= '' and ARGV[4] ~= '=' .. s.p then return { 'refused', 'foreign-principal', ref } end
if ARGV[5] ~= s.a then return { 'refused', 'foreign-agent', ref } end
local used = activity == '1' and isNews(s, num(coalesce))
credential = num(credential)
local isFresher = s.c ~= 0 and credential > s.c
if used or isFresher then
  if used then s.u = now end
  if isFresher then s.c = credential end
  call('HSET', B .. 's:' .. ref, 'u', int(s.u), 'c', int(s.c))
  schedule(s)
end
return show(s)
`

/** ref principal generation activity grace coalesce */
const read = `
local s, over = live(ARGV[2])
if not s then return over end
if s.g == num(ARGV[4]) then
  if ARGV[5] == '1' and isNews(s, num(ARGV[7])) then
    s.u = now
    call('HSET', B .. 's:' .. s.ref, 'u', int(now))
    schedule(s)
  end
  return { 'live', show(s), '0' }
end
if num(ARGV[4]) == s.g - 1 and now - s.r < num(ARGV[6]) and ARGV[3] == s.p then return { 'live', show(s), '1' } end
return { 'fenced' }
`

/** ref generation version fence data */
const write = `
local s, over = live(ARGV[2])
if not s then return over end
if s.g ~= num(ARGV[3]) then return { 'fenced', 'handle' } end
local fence = num(ARGV[5])
if fence ~= 0 and fence ~= s.f then return { 'fenced', 'lock' } end
if s.v ~= num(ARGV[4]) then return { 'conflict', show(s) } end
s.v = s.v + 1
s.d = ARGV[6]
call('HSET', B .. 's:' .. s.ref, 'v', int(s.v), 'd', s.d)
return { 'written', show(s) }
`

/** ref generation digest kind credentialEnd meta authenticated bind [principal agent group absolute groupCap total whenFull] */
const regenerate = `
local s, over = live(ARGV[2])
if not s then return over end
if s.g ~= num(ARGV[3]) then return { 'fenced' } end
local ended = {}
if ARGV[9] == '1' then
  local p, a, k, absolute = ARGV[10], ARGV[11], ARGV[12], num(ARGV[13])
  local scopeFull
  ended, scopeFull = makeRoom(k, num(ARGV[14]), num(ARGV[15]), ARGV[16], 0)
  if not ended then return { 'full', scopeFull } end
  call('ZREM', B .. 'g:' .. s.k, s.ref)
  s.p, s.a, s.k, s.x = p, a, k, now + absolute
  s.pe, s.ae = remember(p, absolute), remember(scope(p, a), absolute)
  call('ZADD', B .. 'g:' .. k, s.o, s.ref)
  keep(B .. 'g:' .. k, absolute + MARGIN)
  for _, digest in ipairs(call('LRANGE', B .. 'l:' .. s.ref, 0, -1)) do
    call('PEXPIRE', B .. 'h:' .. digest, int(absolute + MARGIN))
  end
end
s.g, s.r, s.u, s.m = s.g + 1, now, now, ARGV[7]
if ARGV[8] == '1' then s.w = int(now) end
if num(ARGV[6]) ~= 0 then s.c = num(ARGV[6]) end
save(s)
schedule(s)
addHandle(s, ARGV[4], ARGV[5])
return { 'regenerated', show(s), ended }
`

/** ref generation digest kind */
const attach = `
local s, over = live(ARGV[2])
if not s then return over end
if s.g ~= num(ARGV[3]) then return { 'fenced' } end
local count = 0
for _, digest in ipairs(call('LRANGE', B .. 'l:' .. s.ref, 0, -1)) do
  local value = call('GET', B .. 'h:' .. digest)
  if value and string.match(value, '^%S+ (%S+)') == int(s.g) then count = count + 1 end
end
if count >= LIVE then return { 'full' } end
addHandle(s, ARGV[4], ARGV[5])
return { 'attached' }
`

/** by name reason */
const end = `
local s
if ARGV[2] == 'ref' then s = load(ARGV[3]) else s = find(ARGV[3]) end
if not s then return { 'gone' } end
local reason = overBy(s) or ARGV[4]
bury(s)
return { 'ended', show(s), reason }
`

/** group */
const list = `
local sessions = {}
for _, ref in ipairs(call('ZRANGE', B .. 'g:' .. ARGV[2], 0, -1)) do
  local s = load(ref)
  if s and not overBy(s) then sessions[#sessions + 1] = show(s) end
end
return sessions
`

const advancing = `
local function advance(of, ms)
  -- Deletes nothing, and so may go on to write where the server is full: a revocation must.
  call('DEL', B .. 'w:')
  local next = num(epoch(of)) + 1
  if now > next then next = now end
  call('SET', B .. 'e:' .. of, int(next), 'PX', int(math.max(ms, num(call('GET', B .. 'longest') or '0'))))
  return int(next)
end
`

/** scope remember */
const advanceEpoch = `return advance(ARGV[2], num(ARGV[3]))`

/** ref generation remember */
const revokeOthers = `
local s, over = live(ARGV[2])
if not s then return over end
if s.g ~= num(ARGV[3]) or s.p == '' then return { 'fenced' } end
local next = advance(s.p, num(ARGV[4]))
call('HSET', B .. 's:' .. (s.pa == '' and s.ref or s.pa), 'pe', next)
return { 'revoked', show(s) }
`

/** remember scopes... */
const readEpochs = `
local epochs = {}
for place = 3, #ARGV do epochs[#epochs + 1] = remember(ARGV[place], num(ARGV[2])) end
return epochs
`

/** key remember */
const consume = `
local key = B .. 'n:' .. ARGV[2]
local until_ = call('GET', key)
if until_ and now < num(until_) then return 'again' end
call('SET', key, int(now + num(ARGV[3])), 'PX', int(num(ARGV[3]) + MARGIN))
return 'first'
`

/** ref generation owner mode lease ticket maxWaiting */
const lock = `
local s, over = live(ARGV[2])
if not s then return { 'gone' } end
if s.g ~= num(ARGV[3]) then return { 'fenced' } end
local owner, mode, lease, ticket, max = ARGV[4], ARGV[5], num(ARGV[6]), num(ARGV[7]), num(ARGV[8])
local key = B .. 't:' .. s.ref
local stored = call('GET', key)
local turns = stored and cjson.decode(stored) or { readers = {}, queue = {} }
local function inTime(all)
  local kept = {}
  for _, one in ipairs(all) do if now < one.till then kept[#kept + 1] = one end end
  return kept
end
if turns.writer and now >= turns.writer.till then turns.writer = nil end
turns.readers = inTime(turns.readers)
turns.queue = inTime(turns.queue)

local reply
local holder = nil
if turns.writer and turns.writer.owner == owner then holder = turns.writer end
for _, reader in ipairs(turns.readers) do if reader.owner == owner then holder = reader end end
if holder then
  holder.till = now + lease
  reply = { 'granted', int(s.f) }
else
  local place = nil
  for at, waiter in ipairs(turns.queue) do if waiter.owner == owner then place = at end end
  local writersAhead, ahead = 0, (place or #turns.queue + 1) - 1
  for at = 1, ahead do if turns.queue[at].mode ~= 'shared' then writersAhead = writersAhead + 1 end end
  local free = not turns.writer
  if mode == 'exclusive' then free = free and #turns.readers == 0 and ahead == 0 else free = free and writersAhead == 0 end
  if free then
    if place then table.remove(turns.queue, place) end
    local turn = { owner = owner, till = now + lease }
    if mode == 'shared' then
      table.insert(turns.readers, turn)
    else
      turns.writer = turn
      s.f = s.f + 1
      call('HSET', B .. 's:' .. s.ref, 'f', int(s.f))
    end
    reply = { 'granted', int(s.f) }
  elseif place then
    turns.queue[place].till = now + ticket
    reply = { 'waiting' }
  elseif #turns.queue >= max then
    reply = { 'full' }
  else
    table.insert(turns.queue, { owner = owner, mode = mode, till = now + ticket })
    reply = { 'waiting' }
  end
end
call('SET', key, cjson.encode(turns), 'PX', int(nextEnd(s) - now + MARGIN))
return reply
`

/** ref owner */
const unlock = `
local key = B .. 't:' .. ARGV[2]
local stored = call('GET', key)
if not stored then return 0 end
local turns = cjson.decode(stored)
local function without(all)
  local kept = {}
  for _, one in ipairs(all) do if one.owner ~= ARGV[3] then kept[#kept + 1] = one end end
  return kept
end
if turns.writer and turns.writer.owner == ARGV[3] then turns.writer = nil end
turns.readers, turns.queue = without(turns.readers), without(turns.queue)
if not turns.writer and #turns.readers == 0 and #turns.queue == 0 then return call('DEL', key) end
call('SET', key, cjson.encode(turns), 'KEEPTTL')
return 1
`

/** limit */
const sweep = `
local ended = {}
local due = call('ZRANGEBYSCORE', B .. 'all', '-inf', int(now), 'LIMIT', 0, ARGV[2])
for _, ref in ipairs(due) do
  local s = load(ref)
  if not s then
    call('ZREM', B .. 'all', ref)
  else
    local reason = overBy(s) or 'idle-timeout'
    bury(s)
    ended[#ended + 1] = { show(s), reason }
  end
end
return { ended, #due }
`

const count = `return call('ZCARD', B .. 'all')`
const clock = `return int(now)`

export const scripts = {
  open: script(prelude + open),
  resume: script(prelude + resume),
  read: script(prelude + read),
  write: script(prelude + write),
  regenerate: script(prelude + regenerate),
  attach: script(prelude + attach),
  end: script(prelude + end),
  list: script(prelude + list),
  advanceEpoch: script(prelude + advancing + advanceEpoch),
  revokeOthers: script(prelude + advancing + revokeOthers),
  readEpochs: script(prelude + readEpochs),
  consume: script(prelude + consume),
  lock: script(prelude + lock),
  unlock: script(prelude + unlock),
  sweep: script(prelude + sweep),
  count: script(prelude + count),
  clock: script(prelude + clock),
} as const

export type ScriptName = keyof typeof scripts
