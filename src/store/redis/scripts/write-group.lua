#!lua
-- write-group: replace a group (put) or the families a push names (post), in one step.
--
-- KEYS, ARGV[1..3]  as in partition
-- ARGV[4]   limits: five doubles (units, series, bytes of the partition; series, bytes of a unit alone in it)
-- ARGV[5]   unit id
-- ARGV[6]   labels
-- ARGV[7]   protocol
-- ARGV[8]   put or post
-- ARGV[9]   milliseconds the families live, 0 = never expire
-- ARGV[10]  milliseconds the push times outlive them
-- ARGV[11]  most families a group may hold
-- ARGV[12..]  name, type, series, blob of each family
--
-- returns  ok, epoch, now, header | duplicate, epoch, now, first | late, clock | schema, found | quota, limit |
--          families, count

-- include partition
-- include group

local refused = open()
if refused then return refused end
local uid, ttl, retention = ARGV[5], tonumber(ARGV[9]), tonumber(ARGV[10])
local old, live = load(uid)
local known = live and old or nil
local expires = ttl == 0 and 0 or now + ttl
local h = { 1, ARGV[6], known and known[CREATED] or now, now, known and known[FAILED] or 0,
  known and known[FAILURE] or '', ARGV[7], ttl == 0 and 0 or now + ttl + retention, 0, 0, #ARGV[6],
  ARGV[8] == 'put' and now or old and old[REPLACED] or 0 }

local named, doomed, place = {}, {}, {}
for i = 12, #ARGV, 4 do named[ARGV[i]] = true end
for i = FIRST, old and #old or 0, FAMILY do
  local name = old[i]
  local there = known and not is_past(old[i + F_EXPIRES])
  if there then place[name] = i end
  if not named[name] then
    if there and ARGV[8] == 'post' then
      for j = 0, FAMILY - 1 do h[#h + 1] = old[i + j] end
      h[SERIES], h[BYTES] = h[SERIES] + old[i + F_SERIES], h[BYTES] + old[i + F_BYTES]
    else
      doomed[#doomed + 1] = uid .. '\0' .. name
    end
  end
end
if known and ARGV[8] == 'post' then
  local untouched = #ARGV < 12 and #h >= FIRST
  h[EXPIRES] = untouched and known[EXPIRES] or latest(known[EXPIRES], h[EXPIRES])
end

local fields = {}
for i = 12, #ARGV, 4 do
  local name, kind, count, blob = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]
  local at = place[name]
  local seen = at and old[at + TYPE] == kind and old[at + F_SEEN] or now
  local size = #h
  h[size + 1], h[size + 2], h[size + 3], h[size + 4] = name, kind, count, #blob + #name
  h[size + 5], h[size + 6], h[size + 7], h[size + 8] = version + 1, expires, now, seen
  h[SERIES], h[BYTES] = h[SERIES] + count, h[BYTES] + #blob + #name
  fields[#fields + 1] = uid .. '\0' .. name
  fields[#fields + 1] = blob
end

local families = (#h - REPLACED) / FAMILY
if families > tonumber(ARGV[11]) then return { 'families', families } end
local broken = limit_broken(old, h[SERIES], h[BYTES], ARGV[4])
if broken then return { 'quota', broken } end
local packed = store_group(uid, old, h, fields, doomed)
close()
return { 'ok', epoch, now, packed }
