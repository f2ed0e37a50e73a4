#!lua flags=allow-oom
-- remove: remove one unit, and remember when, also when it was not there.
--
-- KEYS, ARGV[1..3]  as in partition
-- ARGV[4]   unit id
--
-- returns  ok, epoch, now, version (0 when there was nothing) | duplicate, epoch, now, first | late, clock | schema, found

-- include partition
-- include group
-- include set
-- include bury

local refused = open()
if refused then return refused end
local uid, gone = ARGV[4], 0
local h = load(uid)
fence(uid, now)
if h and h[VERSION] > wiped then
  bury(uid, h)
  gone = version
elseif h then
  discard(uid, h)
end
close()
return { 'ok', epoch, now, gone }
