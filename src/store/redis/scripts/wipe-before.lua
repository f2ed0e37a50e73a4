#!lua flags=allow-oom
-- wipe-before: a wipe that was lost: takes out of the partition what was written to it up to then, in bounded pieces.
--
-- KEYS, ARGV[1..3]  as in partition; the operation is remembered when the end is reached and no set is left over
-- ARGV[4]   time, as in replay
-- ARGV[5]   epoch, as in replay
-- ARGV[6]   version to go on after, 0 = from the start
-- ARGV[7]   version to end with, 0 = the present one
--
-- returns  ok, epoch, now, version to go on after (-1 at the end), version to end with, list of the sets written to
--          before and after, which are for remove-before | duplicate, epoch, now, first | epoch, found | late, clock |
--          schema, found

-- include partition
-- include group
-- include set
-- include bury
-- include tidy
-- include replay
-- include cut

local MOST_UNITS, MOST_FIELDS = 100, 4000

local at = tonumber(ARGV[4])
local refused = reopen(at, ARGV[5])
if refused then return refused end
-- From the first piece on nothing from before gets in behind the cursor.
local wiped_at = tonumber(call('HGET', M, 'wt') or 0)
call('HSET', M, 'wt', math.max(wiped_at, at))

local cursor, stop = tonumber(ARGV[6]), tonumber(ARGV[7])
if stop == 0 then stop = version end
local from = string.format('(%.17g', math.max(cursor, wiped))
local log = call('ZRANGEBYSCORE', L, from, stop, 'WITHSCORES', 'LIMIT', 0, MOST_UNITS)
local sets, fields, taken = {}, 0, 0
for i = 1, #log, 2 do
  if fields > MOST_FIELDS then break end
  local uid = log[i]
  local h = load(uid)
  if h and string.sub(uid, 1, 1) == 'G' then
    fields = fields + cut_group(uid, h, at)
  elseif h and h[PUSHED] <= at then
    fields = fields + bury(uid, h)
  elseif h and h[CREATED] <= at then
    sets[#sets + 1] = uid
  end
  taken, cursor = taken + 1, tonumber(log[i + 1])
end
local done = taken == #log / 2 and taken < MOST_UNITS
close(not done or #sets > 0)
return { 'ok', epoch, now, done and -1 or cursor, stop, sets }
