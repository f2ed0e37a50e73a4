#!lua
-- replay-group: a put or post that was lost, merged with what was written since.
--
-- KEYS, ARGV[1..3]  as in partition
-- ARGV[4]   time, as in replay
-- ARGV[5]   epoch, as in replay
-- ARGV[6..] as a push of write-groups from its fourth on
--
-- returns  ok, epoch, now | older, epoch, now: nothing of it shows, because of later writes or because it is over |
--          duplicate, epoch, now, first | epoch, found | late, clock | schema, found | quota, limit | families, count

-- include partition
-- include group
-- include set
-- include bury
-- include replay

local at, moment = tonumber(ARGV[4]), math.floor(tonumber(ARGV[4]))
local refused = reopen(at, ARGV[5])
if refused then return refused end
local uid, mode, ttl, retention = ARGV[7], ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12])
local old = load(uid)
if was_undone(uid, at) or old and old[REPLACED] > at then
  close()
  return { 'older', epoch, now }
end

-- What the write met: a group that was there at its time, or that came since.
local met = old and old[VERSION] > wiped and (old[EXPIRES] == 0 or old[EXPIRES] > at) and old or nil
local newest = not met or met[PUSHED] <= at
local expires = ttl == 0 and 0 or moment + ttl
local keep = ttl == 0 and 0 or expires + retention
local over = is_past(expires)
local h = { 1, ARGV[8], met and math.min(met[CREATED], moment) or moment, newest and at or met[PUSHED],
  met and met[FAILED] or 0, met and met[FAILURE] or '', newest and ARGV[9] or met[PROTOCOL], keep, 0, 0, #ARGV[8],
  mode == 'put' and at or old and old[REPLACED] or 0 }

local named, place, fields, doomed = {}, {}, {}, {}
local effect = newest
for i = 14, #ARGV, 4 do named[ARGV[i]] = true end
for i = FIRST, old and #old or 0, FAMILY do
  local name = old[i]
  local later = met and old[i + F_PUSHED] > at
  if later or met and mode == 'post' and not named[name] then
    for j = 0, FAMILY - 1 do h[#h + 1] = old[i + j] end
    h[SERIES], h[BYTES] = h[SERIES] + old[i + F_SERIES], h[BYTES] + old[i + F_BYTES]
    named[name] = nil
  else
    effect = true
    if met then place[name] = i end
    if over or not named[name] then doomed[#doomed + 1] = uid .. '\0' .. name end
  end
end
if met and not (newest and mode == 'put') then
  local untouched = #ARGV < 14 and #h >= FIRST
  h[EXPIRES] = untouched and met[EXPIRES] or latest(met[EXPIRES], keep)
end

for i = 14, over and 0 or #ARGV, 4 do
  local name, kind, count, blob = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]
  if named[name] then
    effect = true
    local from = place[name]
    local continues = from and old[from + TYPE] == kind and (old[from + F_EXPIRES] == 0 or old[from + F_EXPIRES] > at)
    local size = #h
    h[size + 1], h[size + 2], h[size + 3], h[size + 4] = name, kind, count, #blob + #name
    h[size + 5], h[size + 6], h[size + 7], h[size + 8] = version + 1, expires, at, continues and old[from + F_SEEN] or moment
    h[SERIES], h[BYTES] = h[SERIES] + count, h[BYTES] + #blob + #name
    fields[#fields + 1] = uid .. '\0' .. name
    fields[#fields + 1] = blob
  end
end

if is_past(h[EXPIRES]) then
  -- The group would have ended by now. What it replaced stays away all the same.
  if met then bury(uid, old) end
  if mode == 'put' then fence(uid, at) end
  close()
  return { 'older', epoch, now }
end
local families = (#h - REPLACED) / FAMILY
if families > tonumber(ARGV[13]) then return { 'families', families } end
local broken = limit_broken(old, h[SERIES], h[BYTES], ARGV[6])
if broken then return { 'quota', broken } end
-- Even a put of which nothing shows has to be told to the lost writes before it.
if effect or mode == 'put' then store_group(uid, old, h, fields, doomed) end
close()
return { effect and not over and 'ok' or 'older', epoch, now }
