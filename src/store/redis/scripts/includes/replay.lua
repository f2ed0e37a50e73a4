-- replay: writing again, as of its own time, what was acknowledged once and then lost with the server that had it.
--
-- The time of such a write is when it was first applied, in milliseconds, with the low digits of its version as the
-- fraction: writes of one millisecond keep their order that way. Ordinary times are whole, so that a replayed write counts
-- as later than what survived of its own millisecond. Whatever is compared by time keeps the fraction; readers cut it off.

-- Opens the partition if it still is the one that was asked what it has: what an operator flushed stays flushed. No
-- later write gets an earlier time than the replayed one.
local function reopen(at, expected)
  local refused = open()
  if refused then return refused end
  if epoch ~= expected then return { 'epoch', epoch } end
  now = math.max(now, math.ceil(at))
  first = at
  return nil
end

-- Whether the unit was removed, or all units were, after it was written at that time.
local function was_undone(uid, at)
  local fenced, wiped_at = call('ZSCORE', T, uid .. '-'), call('HGET', M, 'wt')
  return fenced and tonumber(fenced) >= at or wiped_at and tonumber(wiped_at) >= at
end
