-- set: a series set. Header: the common fields, then the seven below. Beside it stand the page table (32 bytes a
-- page), the family table, and per page a dictionary (entries opaque but for their length), 25-byte slots, and a field
-- for every blob.

-- Versions of creation, of the last change to a dictionary and to the families; metrics with a value; the page where
-- housekeeping goes on, and the earliest (0 = none) and latest (-1 = none, 0 = never) expiry it met so far.
local BORN, DICTIONARY, FAMILIES, METRICS, TIDIED, EARLIEST, LATEST = 12, 13, 14, 15, 16, 17, 18
local PAGE, PAGE_BYTES, SLOT = '<dddI2I2I4', 32, 25

local function part(uid, kind, page) return uid .. '\0' .. kind .. (page or '') end
local function blob_field(uid, page, index) return uid .. '\0h' .. page .. '.' .. index end

local function page_at(pages, page)
  local changed, incarnation, dictionary, count, blobs, lines =
    struct.unpack(PAGE, pages, page * PAGE_BYTES + 1)
  return { changed = changed, incarnation = incarnation, dictionary = dictionary,
    count = count, blobs = blobs, lines = lines }
end

local function pack_page(page)
  return struct.pack(PAGE, page.changed, page.incarnation, page.dictionary, page.count, page.blobs, page.lines)
end

-- The page table with some pages replaced or added.
local function pack_pages(pages, fresh, total)
  local parts = {}
  for number = 0, total - 1 do
    local from = number * PAGE_BYTES
    parts[#parts + 1] = fresh[number] and pack_page(fresh[number]) or string.sub(pages, from + 1, from + PAGE_BYTES)
  end
  return table.concat(parts)
end

-- flags of a slot: 0 nothing (ended, remembered until its expiry), 1 number, 2 blob; plus 4 when the sender gave the
-- timestamp
local function kind_of(flags) return flags % 4 end

-- Series and blob bytes of the slot that starts at `from`.
local function weight(slots, from)
  local kind = kind_of(string.byte(slots, from + 24))
  if kind == 2 then return struct.unpack('<I4I4', slots, from + 8) end
  return kind, 0
end

local function expiry_at(slots, from) return (struct.unpack('<d', slots, from + 16)) end

-- Names every field of a set, its header last.
local function set_fields(uid, into)
  local pages = call('HGET', D, part(uid, 'p')) or ''
  for page = 0, #pages / PAGE_BYTES - 1 do
    if page_at(pages, page).blobs > 0 then
      local slots = call('HGET', D, part(uid, 'v', page))
      for index = 0, #slots / SLOT - 1 do
        if kind_of(string.byte(slots, index * SLOT + SLOT)) == 2 then
          into[#into + 1] = blob_field(uid, page, index)
        end
      end
    end
    into[#into + 1] = part(uid, 'd', page)
    into[#into + 1] = part(uid, 'v', page)
  end
  into[#into + 1] = part(uid, 'p')
  into[#into + 1] = part(uid, 'f')
  into[#into + 1] = uid
end
