-- partition: opening one partition for a write, its counters, and closing it again.
--
-- KEYS[1..6]  meta, data, log, expiry, tombstones, operations: the six keys of one partition
-- ARGV[1]     operation id, empty for housekeeping
-- ARGV[2]     deadline, in milliseconds of the server's clock
-- ARGV[3]     epoch to start with when the partition does not exist

local SCHEMA = '1'
local DIGEST_MODULUS = 281474976710656
-- Writes of one millisecond are told apart by this part of their version, as the fraction of their time.
local STEPS = 4096
local M, D, L, X, T, O = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local args = ARGV
local call = redis.call
-- The counters of a partition as one field: version, floor, wiped, time, units, series, bytes, digest. Eight numbers as
-- fields of their own, each turned into text and back, were a quarter of the cost of a push.
local COUNTERS = '<dddddddd'
local NO_COUNTERS = struct.pack(COUNTERS, 0, 0, 0, 0, 0, 0, 0, 0)

-- Fields that every header has in the same place, whatever the kind of unit.
local LABELS, CREATED, PUSHED, FAILED, FAILURE, PROTOCOL = 2, 3, 4, 5, 6, 7
local EXPIRES, VERSION, SERIES, BYTES, REST = 8, 9, 10, 11, 12

local epoch, version, floor, wiped, now, units, series, bytes, digest
-- The server's clock, read once: what one call does is done at one moment.
local clock
-- When the operation was first applied, if that is not now.
local first
local reborn = false

-- Turns to another partition of those in KEYS, and to the arguments that are for it.
local function enter(place, its)
  local at = place * 6
  M, D, L, X, T, O = KEYS[at - 5], KEYS[at - 4], KEYS[at - 3], KEYS[at - 2], KEYS[at - 1], KEYS[at]
  args, reborn, first = its, false, nil
end

-- Reads the partition. Returns a reply that refuses the call, or nothing; for an operation that was applied before it
-- says when that was, which orders it among others, see replay. A partition that lost a key starts again: with a new
-- epoch, and with whatever is left counted as wiped. Touches every key, so that one that holds something else fails here
-- and not between two writes; `lightly` leaves that to the caller, who writes to few of them.
local function open(lightly)
  if not clock then
    local time = call('TIME')
    clock = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  if clock > tonumber(args[2]) then return { 'late', clock } end
  local m = call('HMGET', M, 'sv', 'e', 'c')
  if m[1] and m[1] ~= SCHEMA then return { 'schema', m[1] } end
  local keys = lightly and call('EXISTS', D, L, X, T)
    or math.min(call('HLEN', D), call('ZCARD', L), call('ZCARD', X), call('ZCARD', T)) > 0 and 4
  local whole = m[2] and m[3] and keys == 4
  local seen = args[1] ~= '' and call('ZSCORE', O, args[1])
  local before
  version, floor, wiped, before, units, series, bytes, digest = struct.unpack(COUNTERS, m[3] or NO_COUNTERS)
  now = math.max(clock, before)
  if whole then
    epoch = m[2]
    if seen then return { 'duplicate', epoch, now, seen } end
    return nil
  end
  local top = call('ZRANGE', L, -1, -1, 'WITHSCORES')
  version = math.max(version, tonumber(top[2] or 0))
  -- Nothing tells which versions the data has that is left. There was never one for each millisecond since 1970.
  if version == 0 and call('HLEN', D) > 1 then version = now end
  epoch, floor, wiped = args[3], version, version
  units, series, bytes, digest = 0, 0, 0, 0
  reborn = true
  return nil
end

-- Writes back what `open` read and the script changed, and remembers the operation unless more calls belong to it.
local function close(unfinished)
  if reborn then
    call('HSET', D, '', '')
    for _, key in ipairs({ L, X, T, O }) do call('ZADD', key, 0, '') end
    call('HSET', M, 'sv', SCHEMA, 'e', epoch)
  end
  call('HSET', M, 'c', struct.pack(COUNTERS, version, floor, wiped, now, units, series, bytes, digest))
  if args[1] ~= '' and not unfinished then call('ZADD', O, first or now + version % STEPS / STEPS, args[1]) end
end

-- Notes that a unit was removed, or found removed: nothing written to it up to then may be written again. Stands beside
-- the tombstone, is forgotten like one, and stays when the unit comes back.
local function fence(uid, at) call('ZADD', T, 'GT', at, uid .. '-') end

local function is_past(expires) return expires ~= 0 and expires <= now end

-- The header of a unit, and whether it counts as there.
local function load(uid)
  local packed = call('HGET', D, uid)
  if not packed then return nil, false end
  local h = cmsgpack.unpack(packed)
  return h, h[VERSION] > wiped and not is_past(h[EXPIRES])
end

local function digest_of(uid, at)
  local a, b, c = string.byte(uid, 9, 11)
  return (a * 65536 + b * 256 + c) * (at % 16777216 + 1)
end

-- Takes a unit out of the counters, or puts it in. What was wiped is in none.
local function account(uid, h, sign)
  if not h or h[VERSION] <= wiped then return end
  units, series, bytes = units + sign, series + sign * h[SERIES], bytes + sign * h[BYTES]
  digest = (digest + sign * digest_of(uid, h[VERSION])) % DIGEST_MODULUS
end

-- Names the limit that a unit growing from `old` (nil when new) to these sizes would break; nothing when it fits. A
-- unit alone in its partition may take what the whole store may hold.
local function limit_broken(old, new_series, new_bytes, limits)
  local max_units, max_series, max_bytes, sole_series, sole_bytes = struct.unpack('<ddddd', limits)
  local counted = old and old[VERSION] > wiped
  local n = units + (counted and 0 or 1)
  local more_series = new_series - (counted and old[SERIES] or 0)
  local more_bytes = new_bytes - (counted and old[BYTES] or 0)
  if not counted and n > max_units then return 'units' end
  if more_series > 0 and series + more_series > (n == 1 and sole_series or max_series) then return 'series' end
  if more_bytes > 0 and bytes + more_bytes > (n == 1 and sole_bytes or max_bytes) then return 'bytes' end
end

-- Runs a command over a long list in pieces that fit on the Lua stack; `size` values belong together.
local function in_pieces(command, key, list, size)
  local step = 1000 - 1000 % size
  for from = 1, #list, step do
    call(command, key, unpack(list, from, math.min(from + step - 1, #list)))
  end
end

local function latest(a, b)
  if a == 0 or b == 0 then return 0 end
  return math.max(a, b)
end

local function schedule(uid, at)
  if at == 0 then call('ZREM', X, uid) else call('ZADD', X, at, uid) end
end
