-- merge: the samples of one write, into the slots of the pages they are for. Continues `write-set`: what it reads of the
-- set and of ARGV is in locals there, and what comes of it is gathered here and written at its end.

local next_version, fresh, fields, doomed, answers = version + 1, {}, {}, {}, {}
local series, bytes, metrics = h and h[SERIES] or 0, h and h[BYTES] or #ARGV[6], h and h[METRICS] or 0
local older, expired, effects, said = 0, 0, 0, {}
local earliest, last, conflict, met = 0, -1, false, {}
-- When the write counts as made, and whether the set was not written to since.
local moment = at == 0 and now or math.floor(at)
local newest = at == 0 or not h or h[PUSHED] <= at
if old and not h then
  set_fields(uid, doomed)
  -- The last one is the header, which is replaced.
  doomed[#doomed] = nil
end

-- Merges the samples of one page; returns its new slots, or nothing when none was stored.
local function merge(page, slots, samples, blobs, own, number)
  local pieces, copied, effect, next_blob = {}, 0, false, 1
  for offset = 1, #samples, 20 do
    local index, flags, change, stamp, value = struct.unpack('<BBI2dc8', samples, offset)
    local from, kind, explicit, conditional = index * SLOT + 1, flags % 4, flags % 8 >= 4, flags >= 8
    flags = flags % 8
    local there, was, lines, size, old_stamp, is_live, blob = from < #slots, 0, 0, 0, nil, false, nil
    if there then
      local before, first, second, expiry, old_flags = struct.unpack('<dI4I4dB', slots, from)
      was = kind_of(old_flags)
      lines = was
      if was == 2 then lines, size = first, second end
      is_live = not is_past(expiry)
      -- What was replaced does not come back because its successor ended first.
      if is_live or at > 0 then old_stamp = before end
    end
    if conditional then
      local expected = struct.unpack('<d', string.sub(blobs, next_blob, next_blob + 7))
      next_blob = next_blob + 8
      local shown = is_live and was ~= 0 and old_stamp or 0
      if expected ~= shown then
        conflict = true
        if at > 0 then
          met[#met + 1] = number
          met[#met + 1] = index
          met[#met + 1] = string.format('%.17g', shown)
          met[#met + 1] = shown ~= 0 and was == 2 and call('HGET', D, blob_field(uid, number, index)) or ''
        end
      end
    end
    if kind == 2 then
      local _, length = struct.unpack('<I4I4', value)
      blob = string.sub(blobs, next_blob, next_blob + length - 1)
      next_blob = next_blob + length
    end
    local expires = kind == 0 and moment + memory or ttl == 0 and 0 or moment + ttl
    if not explicit then stamp = at == 0 and math.max(now, old_stamp or 0) or at end
    local stored = true
    if explicit and ttl > 0 and stamp + ttl <= moment then
      expired, stored = expired + 1, false
    elseif (explicit or at > 0) and old_stamp and stamp <= old_stamp then
      older, stored = older + 1, false
    elseif at > 0 then
      -- An end is remembered even where nothing is: another gateway may have yet to write again what it ended. And what
      -- ended meanwhile is only good for ending what it replaced.
      stored = is_live or not is_past(expires)
    elseif kind == 0 and not (old_stamp and was ~= 0) then
      stored = false
    end
    -- What is appended takes its slot even when it is not stored: a slot that is over.
    if not stored and not there then stamp, value, expires, flags = 0, '\0\0\0\0\0\0\0\0', 1, 0 end
    if stored or not there then
      if from - 1 > copied then pieces[#pieces + 1] = string.sub(slots, copied + 1, from - 1) end
      pieces[#pieces + 1] = struct.pack('<dc8dB', stamp, value, expires, flags)
      copied = from + SLOT - 1
    end
    if stored then
      effect, effects = true, effects + 1
      if change > 0 then said[change] = true end
      if expires ~= 0 and (earliest == 0 or expires < earliest) then earliest = expires end
      last = last == -1 and expires or latest(last, expires)
      local new_lines, new_size = kind, 0
      if kind == 2 then new_lines, new_size = struct.unpack('<I4I4', value) end
      page.lines = page.lines + new_lines - lines
      series, bytes = series + new_lines - lines, bytes + new_size - size
      metrics = metrics + (kind ~= 0 and 1 or 0) - (was ~= 0 and 1 or 0)
      page.blobs = page.blobs + (kind == 2 and 1 or 0) - (was == 2 and 1 or 0)
      if kind == 2 then
        fields[#fields + 1] = blob_field(uid, number, index)
        fields[#fields + 1] = blob
        own[index] = true
      elseif was == 2 then
        doomed[#doomed + 1] = blob_field(uid, number, index)
      end
    end
  end
  if not effect then return nil end
  pieces[#pieces + 1] = string.sub(slots, copied + 1)
  return table.concat(pieces)
end

-- The family table with the changes whose samples were stored: for each entry its length, first sight, and content.
local function change_families(families, family_version)
  if changes == 0 then return families, family_version end
  local entries, from = {}, 1
  while from <= #families do
    local length = 12 + struct.unpack('<I4', families, from)
    entries[#entries + 1] = string.sub(families, from, from + length - 1)
    from = from + length
  end
  local before = #entries
  for change = 1, changes do
    local i = 15 + 3 * change
    local place, entry = tonumber(ARGV[i]) + 1, ARGV[i + 2]
    -- A new family is entered in any case: metrics name it by its place.
    if place > before or newest and said[change] then
      local seen = ARGV[i + 1] == '1' and struct.pack('<d', moment) or string.sub(entries[place], 5, 12)
      bytes = bytes + #entry + 12 - #(entries[place] or '')
      entries[place] = struct.pack('<I4', #entry) .. seen .. entry
      family_version = next_version
    end
  end
  return table.concat(entries), family_version
end
