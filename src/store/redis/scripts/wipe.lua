#!lua flags=allow-oom
-- wipe: everything up to the present version is gone; sweeping removes the bytes later.
--
-- KEYS, ARGV[1..3]  as in partition
--
-- returns  ok, epoch, now, version | duplicate, epoch, now, first | late, clock | schema, found

-- include partition

local refused = open()
if refused then return refused end
wiped, version = version, version + 1
units, series, bytes, digest = 0, 0, 0, 0
call('HSET', M, 'wt', now)
close()
return { 'ok', epoch, now, version }
