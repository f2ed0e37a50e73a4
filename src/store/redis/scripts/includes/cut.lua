-- cut: taking out of a unit what was written to it up to a time, leaving what came later.

-- Returns the number of fields dropped.
local function cut_group(uid, h, at)
  if h[PUSHED] <= at and h[FAILED] <= at then return bury(uid, h) end
  local kept, doomed, first = {}, {}, math.huge
  for i = 1, REPLACED do kept[i] = h[i] end
  if h[PUSHED] <= at then kept[PUSHED] = 0 end
  if h[FAILED] <= at then kept[FAILED], kept[FAILURE] = 0, '' else first = h[FAILED] end
  for i = FIRST, #h, FAMILY do
    local pushed = h[i + F_PUSHED]
    if pushed <= at then
      doomed[#doomed + 1] = uid .. '\0' .. h[i]
      kept[SERIES], kept[BYTES] = kept[SERIES] - h[i + F_SERIES], kept[BYTES] - h[i + F_BYTES]
    else
      local from = #kept + 1
      for j = 0, FAMILY - 1 do kept[from + j] = h[i + j] end
      if h[i + F_SEEN] <= at then kept[from + F_SEEN] = math.floor(pushed) end
      first = math.min(first, math.floor(pushed))
    end
  end
  if #doomed == 0 and kept[FAILED] == h[FAILED] and kept[PUSHED] == h[PUSHED] then return 0 end
  if kept[CREATED] <= at and first < math.huge then kept[CREATED] = first end
  store_group(uid, h, kept, {}, doomed)
  return #doomed
end

-- Of a set, whose slots do not say when they were written, only their timestamps can be compared. Returns the page to go
-- on with, nothing at the end.
local function cut_set(uid, h, at, start, most)
  if h[CREATED] > at then return nil end
  if h[PUSHED] <= at then
    bury(uid, h)
    return nil
  end
  cutoff = at
  local onward = tidy_pages(uid, h, start, most, 0)
  call('HSET', D, uid, cmsgpack.pack(h))
  return onward
end
