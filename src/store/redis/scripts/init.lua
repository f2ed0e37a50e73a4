#!lua flags=allow-oom
-- init: create a partition when it is not there, and let no later write have an earlier time than this.
--
-- KEYS, ARGV[1..3]  as in partition, without operation
-- ARGV[4]   time in milliseconds, 0 for none
--
-- returns  ok | late, clock | schema, found

-- include partition

local refused = open()
if refused then return refused end
local least = tonumber(ARGV[4])
if reborn or now < least then
  now = math.max(now, least)
  close()
end
return { 'ok' }
