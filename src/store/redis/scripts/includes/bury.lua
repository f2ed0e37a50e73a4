-- bury: taking units out of the data.

local function drop_fields(uid, h)
  local fields = {}
  if string.sub(uid, 1, 1) == 'G' then group_fields(uid, h, fields) else set_fields(uid, fields) end
  in_pieces('HDEL', D, fields, 1)
  call('ZREM', X, uid)
  return #fields
end

-- Removes a unit that readers may know, leaving a tombstone that tells them.
local function bury(uid, h)
  account(uid, h, -1)
  version = version + 1
  local dropped = drop_fields(uid, h)
  call('ZADD', L, version, uid)
  call('ZADD', T, now, uid)
  return dropped
end

-- Removes a unit that a wipe already took from every reader.
local function discard(uid, h)
  local dropped = h and drop_fields(uid, h) or 1
  call('ZREM', L, uid)
  call('ZREM', X, uid)
  call('ZREM', T, uid)
  return dropped
end
