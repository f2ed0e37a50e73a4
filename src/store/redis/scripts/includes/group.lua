-- group: the header of a group, as a flat array: the common fields, when it was last replaced as a whole (0 = never),
-- then eight for each family.

local REPLACED, FIRST, FAMILY = REST, REST + 1, 8
local TYPE, F_SERIES, F_BYTES, F_VERSION, F_EXPIRES, F_PUSHED, F_SEEN = 1, 2, 3, 4, 5, 6, 7

-- The first expiry in a header, of the group or of a family; 0 = never.
local function first_expiry(h)
  local first = h[EXPIRES]
  for i = FIRST, #h, FAMILY do
    local expires = h[i + F_EXPIRES]
    if expires ~= 0 and (first == 0 or expires < first) then first = expires end
  end
  return first
end

-- A copy of a header without the families that expired; their fields are added to `doomed`.
local function prune(uid, h, doomed)
  local kept = {}
  for i = 1, REPLACED do kept[i] = h[i] end
  for i = FIRST, #h, FAMILY do
    if is_past(h[i + F_EXPIRES]) then
      doomed[#doomed + 1] = uid .. '\0' .. h[i]
      kept[SERIES], kept[BYTES] = kept[SERIES] - h[i + F_SERIES], kept[BYTES] - h[i + F_BYTES]
    else
      for j = 0, FAMILY - 1 do kept[#kept + 1] = h[i + j] end
    end
  end
  return kept
end

-- Stores a header under the next version. `old` is what stood in the data before, live or not. Where housekeeping looks at
-- it before anything in `h` is over, or never needs to, that stays: most pushes only move the time away.
local function store_group(uid, old, h, fields, doomed)
  local due, look = old and first_expiry(old) or 0, first_expiry(h)
  local moves = not old or due ~= look and (due == 0 or look == 0 or look < due)
  -- One that holds something else fails before anything is written, the log at the first write.
  if not old then call('ZCARD', T) end
  if moves then call('ZCARD', X) end
  account(uid, old, -1)
  version = version + 1
  call('ZADD', L, version, uid)
  h[VERSION] = version
  account(uid, h, 1)
  local packed = cmsgpack.pack(h)
  fields[#fields + 1] = uid
  fields[#fields + 1] = packed
  in_pieces('HSET', D, fields, 2)
  in_pieces('HDEL', D, doomed, 1)
  if moves then schedule(uid, look) end
  if not old then call('ZREM', T, uid) end
  return packed
end

local function group_fields(uid, h, into)
  for i = FIRST, #h, FAMILY do into[#into + 1] = uid .. '\0' .. h[i] end
  into[#into + 1] = uid
end
