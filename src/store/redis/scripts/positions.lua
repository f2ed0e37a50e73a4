#!lua flags=no-writes
-- positions: where partitions stand.
--
-- KEYS      meta keys of the partitions
--
-- returns  for each partition, in order: list of epoch and counters, as in partition, both false where there is none; or
--          what was wrong with it, as text

local found = {}
for i, key in ipairs(KEYS) do
  local meta = redis.pcall('HMGET', key, 'e', 'c')
  found[i] = meta.err or meta
end
return found
