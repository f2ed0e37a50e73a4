#!lua flags=allow-oom
-- announce: a replica says that it is there; those that have been silent are forgotten.
--
-- KEYS[1]   replicas
-- ARGV[1]   id of this replica
-- ARGV[2]   what it says of itself
-- ARGV[3]   milliseconds of silence after which a replica is forgotten
-- ARGV[4]   1 when it leaves
--
-- returns  number of replicas

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[4] == '1' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return redis.call('HLEN', KEYS[1])
end
redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
local all, alive = redis.call('HGETALL', KEYS[1]), 0
for i = 1, #all, 2 do
  local seen = tonumber(string.match(all[i + 1], '^(%d+) ')) or 0
  if seen < now - ARGV[3] then redis.call('HDEL', KEYS[1], all[i]) else alive = alive + 1 end
end
return alive
