#!lua flags=no-writes
-- since: a page of what changed.
--
-- KEYS      as in partition
-- ARGV[1]   epoch the reader is in, empty for any
-- ARGV[2]   base: families and pages at or below this version are known to the reader
-- ARGV[3]   cursor: units at or below this version were on earlier pages
-- ARGV[4]   most units
-- ARGV[5]   bytes from which on the page ends
--
-- returns  epoch, cursor to go on with (-1 = this was all), version, floor, wiped, now, digest, units; or epoch alone
--          when it is another one or when the cursor is below the floor. A unit is a list:
--          id, version                                            gone
--          id, version, header, blobs                             group; all blobs, joined in the header's order
--          id, version, header, families, page, page, ...         set; a page: number, page table entry, dictionary,
--                                                                 slots, list of index and blob

-- include partition
-- include group
-- include set

local m = call('HMGET', M, 'e', 'c')
local before
epoch = m[1] or '0'
version, floor, wiped, before, units, series, bytes, digest = struct.unpack(COUNTERS, m[2] or NO_COUNTERS)
local base, cursor = tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[1] ~= '' and ARGV[1] ~= epoch or cursor > 0 and cursor < floor then return { epoch } end
local time = call('TIME')
now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), before)
local most, enough, size = tonumber(ARGV[4]), tonumber(ARGV[5]), 0

local function add_group(uid, h, unit)
  local fields, blobs = {}, {}
  for i = FIRST, #h, FAMILY do
    if h[i + F_VERSION] > base then fields[#fields + 1] = uid .. '\0' .. h[i] end
  end
  for from = 1, #fields, 1000 do
    local found = call('HMGET', D, unpack(fields, from, math.min(from + 999, #fields)))
    for i = 1, #found do blobs[from + i - 1] = found[i] or '' end
  end
  unit[4] = table.concat(blobs)
  size = size + #unit[4]
end

local function add_set(uid, unit)
  local pages = call('HGET', D, part(uid, 'p')) or ''
  unit[#unit + 1] = call('HGET', D, part(uid, 'f')) or ''
  for number = 0, #pages / PAGE_BYTES - 1 do
    local page = page_at(pages, number)
    if page.changed > base then
      local slots, blobs = call('HGET', D, part(uid, 'v', number)) or '', {}
      for index = 0, page.blobs > 0 and page.count - 1 or -1 do
        if kind_of(string.byte(slots, index * SLOT + SLOT)) == 2 then
          local blob = call('HGET', D, blob_field(uid, number, index))
          blobs[#blobs + 1] = index
          blobs[#blobs + 1] = blob
          size = size + (blob and #blob or 0)
        end
      end
      local dictionary = call('HGET', D, part(uid, 'd', number)) or ''
      size = size + #slots + #dictionary
      unit[#unit + 1] = { number, string.sub(pages, number * PAGE_BYTES + 1, (number + 1) * PAGE_BYTES), dictionary,
        slots, blobs }
    end
  end
end

local from = string.format('(%.17g', math.max(cursor, wiped))
local log = call('ZRANGEBYSCORE', L, from, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
local list, taken = {}, 0
for i = 1, #log, 2 do
  if size >= enough then break end
  local uid, at = log[i], tonumber(log[i + 1])
  local packed = call('HGET', D, uid)
  local unit = { uid, at }
  if packed then
    unit[3] = packed
    size = size + #packed
    if string.sub(uid, 1, 1) == 'G' then add_group(uid, cmsgpack.unpack(packed), unit) else add_set(uid, unit) end
  end
  list[#list + 1] = unit
  taken, cursor = taken + 1, at
end
local all = taken == #log / 2 and taken < most
return { epoch, all and -1 or cursor, version, floor, wiped, now, string.format('%.0f', digest), list }
