-- tidy: dropping the slots of a set whose time is over, page by page. A page that is rewritten starts a new
-- incarnation.

-- Slots with a timestamp up to this are dropped too.
local cutoff = -math.huge

local function is_over(slots, from)
  return is_past(expiry_at(slots, from)) or (struct.unpack('<d', slots, from)) <= cutoff
end

-- How many slots are over, and the earliest and latest expiry of the others.
local function scan(slots)
  local over, earliest, last = 0, 0, -1
  for from = 1, #slots, SLOT do
    local expires = expiry_at(slots, from)
    if is_over(slots, from) then
      over = over + 1
    else
      if expires ~= 0 and (earliest == 0 or expires < earliest) then earliest = expires end
      last = last == -1 and expires or latest(last, expires)
    end
  end
  return over, earliest, last
end

-- Rewrites one page without the slots that are over. Called with `version` already advanced.
local function rewrite_page(uid, h, number, page, slots)
  local dictionary = call('HGET', D, part(uid, 'd', number))
  local words, kept, moved, doomed, at, index = {}, {}, {}, {}, 1, 0
  page.blobs, page.lines = 0, 0
  for from = 1, #slots, SLOT do
    local length = 4 + struct.unpack('<I4', dictionary, at)
    local old = (from - 1) / SLOT
    local lines, size = weight(slots, from)
    local kind = kind_of(string.byte(slots, from + 24))
    if is_over(slots, from) then
      h[SERIES], h[BYTES] = h[SERIES] - lines, h[BYTES] - size - length - SLOT
      if kind ~= 0 then h[METRICS] = h[METRICS] - 1 end
      if kind == 2 then doomed[#doomed + 1] = blob_field(uid, number, old) end
    else
      words[#words + 1] = string.sub(dictionary, at, at + length - 1)
      kept[#kept + 1] = string.sub(slots, from, from + SLOT - 1)
      page.lines = page.lines + lines
      if kind == 2 then
        page.blobs = page.blobs + 1
        if index ~= old then
          moved[#moved + 1] = blob_field(uid, number, index)
          moved[#moved + 1] = call('HGET', D, blob_field(uid, number, old))
          doomed[#doomed + 1] = blob_field(uid, number, old)
        end
      end
      index = index + 1
    end
    at = at + length
  end
  page.count, page.changed, page.incarnation, page.dictionary = index, version, version, version
  -- Freed first: a blob may move to a name that another one leaves.
  in_pieces('HDEL', D, doomed, 1)
  moved[#moved + 1] = part(uid, 'd', number)
  moved[#moved + 1] = table.concat(words)
  moved[#moved + 1] = part(uid, 'v', number)
  moved[#moved + 1] = table.concat(kept)
  in_pieces('HSET', D, moved, 2)
end

-- Looks at up to `most` pages from `start` on and rewrites those whose share of finished slots is at least `share`.
-- Returns the page to go on with (nothing at the end), and the earliest and latest expiry met. The set becomes a new
-- version if a page changed; its header is the caller's to write.
local function tidy_pages(uid, h, start, most, share)
  local pages = call('HGET', D, part(uid, 'p')) or ''
  local total = #pages / PAGE_BYTES
  local stop = math.min(start + most, total)
  local fresh, before, earliest, last = {}, nil, 0, -1
  for number = start, stop - 1 do
    local slots = call('HGET', D, part(uid, 'v', number))
    local over, first, final = scan(slots)
    if first ~= 0 and (earliest == 0 or first < earliest) then earliest = first end
    if final ~= -1 then last = last == -1 and final or latest(last, final) end
    if over > 0 and over >= share * #slots / SLOT then
      if not before then
        before = { [SERIES] = h[SERIES], [BYTES] = h[BYTES], [VERSION] = h[VERSION] }
        version = version + 1
      end
      fresh[number] = page_at(pages, number)
      rewrite_page(uid, h, number, fresh[number], slots)
    end
  end
  if before then
    account(uid, before, -1)
    h[VERSION], h[DICTIONARY] = version, version
    account(uid, h, 1)
    call('HSET', D, part(uid, 'p'), pack_pages(pages, fresh, total))
    call('ZADD', L, version, uid)
  end
  return stop < total and stop or nil, earliest, last
end
