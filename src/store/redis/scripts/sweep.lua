#!lua flags=allow-oom
-- sweep: remove bytes of what expired, was wiped, or was removed long ago; bounded work.
--
-- KEYS, ARGV[1..3]  as in partition, without operation
-- ARGV[4]   milliseconds a tombstone is kept
-- ARGV[5]   milliseconds an operation id is kept
--
-- returns  ok, 1 when there may be more to do, else 0 | late, clock | schema, found

-- include partition
-- include group
-- include set
-- include bury
-- include tidy

local MOST_UNITS, MOST_FIELDS, MOST_MARKS, MOST_PAGES = 100, 4000, 1000, 64

local refused = open()
if refused then return refused end
local more, fields = 0, 0

local function prune_group(uid, h)
  local doomed = {}
  local kept = prune(uid, h, doomed)
  if #doomed > 0 then
    fields = fields + #doomed
    store_group(uid, h, kept, {}, doomed)
  end
  schedule(uid, first_expiry(kept))
end

local function look_at_set(uid, h)
  local start = h[TIDIED]
  if start == 0 then h[EARLIEST], h[LATEST] = 0, -1 end
  local onward, earliest, last = tidy_pages(uid, h, start, MOST_PAGES, 0.5)
  if earliest ~= 0 and (h[EARLIEST] == 0 or earliest < h[EARLIEST]) then h[EARLIEST] = earliest end
  if last ~= -1 then h[LATEST] = h[LATEST] == -1 and last or latest(h[LATEST], last) end
  h[TIDIED] = onward or 0
  fields = fields + MOST_FIELDS / 10
  if onward then
    more = 1
  elseif h[LATEST] == -1 or is_past(h[LATEST]) then
    return bury(uid, h)
  else
    h[EXPIRES] = h[LATEST]
    schedule(uid, h[EARLIEST])
  end
  call('HSET', D, uid, cmsgpack.pack(h))
end

local function sweep_due()
  local due = call('ZRANGEBYSCORE', X, '(0', now, 'LIMIT', 0, MOST_UNITS)
  for _, uid in ipairs(due) do
    if fields > MOST_FIELDS then break end
    local h, live = load(uid)
    if not h then call('ZREM', X, uid)
    elseif h[VERSION] <= wiped then fields = fields + discard(uid, h)
    elseif not live then fields = fields + bury(uid, h)
    elseif string.sub(uid, 1, 1) == 'G' then prune_group(uid, h)
    else look_at_set(uid, h) end
  end
  return #due == MOST_UNITS
end

local function sweep_wiped()
  local gone = call('ZRANGEBYSCORE', L, '(0', wiped, 'LIMIT', 0, MOST_UNITS)
  for _, uid in ipairs(gone) do
    if fields > MOST_FIELDS then break end
    fields = fields + discard(uid, (load(uid)))
  end
  return #gone == MOST_UNITS
end

-- Forgets old tombstones; from then on the floor sends readers that may have missed them back to the start.
local function sweep_tombstones()
  local dead = call('ZRANGEBYSCORE', T, '(0', now - tonumber(ARGV[4]), 'LIMIT', 0, MOST_MARKS)
  for _, uid in ipairs(dead) do
    local at = call('ZSCORE', L, uid)
    if at then
      floor = math.max(floor, tonumber(at))
      call('ZREM', L, uid)
    end
  end
  in_pieces('ZREM', T, dead, 1)
  return #dead == MOST_MARKS
end

local function sweep_operations()
  local upto = now - tonumber(ARGV[5])
  local old = call('ZRANGEBYSCORE', O, '(0', upto, 'LIMIT', 0, MOST_MARKS)
  in_pieces('ZREM', O, old, 1)
  -- From then on nobody can tell whether an operation up to that time was applied.
  if #old > 0 then call('HSET', M, 'of', upto) end
  return #old == MOST_MARKS
end

local before_version, before_floor = version, floor
if wiped > 0 and sweep_wiped() then more = 1 end
if sweep_due() then more = 1 end
if sweep_tombstones() then more = 1 end
if sweep_operations() then more = 1 end
if fields > MOST_FIELDS then more = 1 end
if reborn or version ~= before_version or floor ~= before_floor then close() end
return { 'ok', more }
