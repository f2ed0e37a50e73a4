#!lua flags=no-writes
-- recall: which of these operations the partition does not know.
--
-- KEYS, ARGV[1..3]  as in partition, without operation; the deadline does not matter
-- ARGV[4..]  operation ids
--
-- returns  ok, epoch (0 when the partition is not there), now, time up to which operations are forgotten, list of the
--          places of unknown operations, from 0

-- include partition

local time = call('TIME')
local m = call('HMGET', M, 'e', 'c', 'of')
version, floor, wiped, now = struct.unpack(COUNTERS, m[2] or NO_COUNTERS)
now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), now)
local unknown = {}
for i = 4, #ARGV do
  if not call('ZSCORE', O, ARGV[i]) then unknown[#unknown + 1] = i - 4 end
end
return { 'ok', m[1] or '0', now, tonumber(m[3] or 0), unknown }
