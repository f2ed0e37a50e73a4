#!lua flags=allow-oom
-- init: create a partition when it is not there.
--
-- KEYS, ARGV[1..3]  as in partition, without operation
--
-- returns  ok | late, clock | schema, found

-- include partition

local refused = open()
if refused then return refused end
if reborn then close() end
return { 'ok' }
