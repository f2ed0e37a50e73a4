#!lua
-- fail-group: note that a push to a group was refused, creating the group when it is not there.
--
-- KEYS, ARGV[1..3]  as in partition
-- ARGV[4]   limits, as in write-group
-- ARGV[5]   unit id
-- ARGV[6]   labels
-- ARGV[7]   protocol
-- ARGV[8]   milliseconds to keep a group that holds no family, 0 = forever
-- ARGV[9]   reason
--
-- returns  ok, epoch, now, header | duplicate, epoch, now, first | late, clock | schema, found | quota, limit

-- include partition
-- include group

local refused = open()
if refused then return refused end
local uid, keep = ARGV[5], tonumber(ARGV[8])
local old, live = load(uid)
local expires = keep == 0 and 0 or now + keep
local doomed, h = {}, nil
if live then
  h = prune(uid, old, doomed)
  if #h < FIRST then h[EXPIRES] = latest(h[EXPIRES], expires) end
else
  h = { 1, ARGV[6], now, 0, 0, '', ARGV[7], expires, 0, 0, #ARGV[6], old and old[REPLACED] or 0 }
  if old then group_fields(uid, old, doomed) end
  -- The last one is the header, which is replaced.
  doomed[#doomed] = nil
end
h[FAILED], h[FAILURE] = now, ARGV[9]

local broken = limit_broken(old, h[SERIES], h[BYTES], ARGV[4])
if broken then return { 'quota', broken } end
local packed = store_group(uid, old, h, {}, doomed)
close()
return { 'ok', epoch, now, packed }
