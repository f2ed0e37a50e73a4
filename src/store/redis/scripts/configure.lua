#!lua flags=allow-oom
-- configure: write down how the data is laid out, once, and say what is written.
--
-- KEYS[1]   configuration
-- ARGV[1]   schema
-- ARGV[2]   partitions
-- ARGV[3]   hash: how units find their partition
--
-- returns  schema, partitions, hash

local found = redis.call('HMGET', KEYS[1], 'schema', 'partitions', 'hash')
if found[1] then return found end
local time = redis.call('TIME')
local created = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'schema', ARGV[1], 'partitions', ARGV[2], 'hash', ARGV[3], 'created', created)
return { ARGV[1], ARGV[2], ARGV[3] }
