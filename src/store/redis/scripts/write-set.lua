#!lua
-- write-set: merge samples into a series set; newest timestamp wins.
--
-- KEYS, ARGV[1..3]  as in partition
-- ARGV[4]   limits, as in write-group
-- ARGV[5]   unit id
-- ARGV[6]   labels
-- ARGV[7]   protocol
-- ARGV[8]   milliseconds a sample lives, 0 = never expires
-- ARGV[9]   milliseconds the end of a series is remembered
-- ARGV[10]  most metrics the set may hold
-- ARGV[11]  epoch of what the writer knows
-- ARGV[12]  version of the dictionaries the writer knows, 0 = the set is not there
-- ARGV[13]  version of the family table the writer knows
-- ARGV[14]  1 when the writer adds metrics or families, or changes families: then it must know all dictionaries
-- ARGV[15]  0, or when the samples were written first, as in replay
-- ARGV[16]  epoch, as in replay
-- ARGV[17]  number n of family changes
-- ARGV[18..]  n times: index in the family table, 1 to start a new first sight, entry
-- then, for every page touched: number, incarnation (0 = new page), samples, dictionary entries to append, blobs
--
-- A sample is 20 bytes: slot, flags (as of a slot; kind 0 ends the series; plus 8 when the timestamp that the metric is
-- expected to have, 0 = not there, stands in front of the blob), number of the family change it stands for
-- (from 1; 0 = none), timestamp, then 8 bytes of value, or series and length of a blob. Sorted by slot; slots past the
-- end are appended in order, each with one dictionary entry.
--
-- returns  ok, epoch, now, older, expired, header, families (false when known), version of the set before, then for every
--          page that changed: number, incarnation, slots, list of index and blob for the blobs that are not of this write,
--          dictionary (false when known)
--          header is false when nothing changed
--        | behind, epoch, now, dictionary version, families version, page table, families,
--          list of number and dictionary for the pages with a newer one
--        | conflict, epoch, now, and as in replay list of page, slot, timestamp and blob of what was met: another metric
--          than expected, and nothing changed
--        | metrics, count | older, epoch, now | epoch, found | duplicate, epoch, now, first | late, clock | schema, found | quota, limit

-- include partition
-- include set
-- include replay

local at, refused = tonumber(ARGV[15]), nil
if at == 0 then refused = open() else refused = reopen(at, ARGV[16]) end
if refused then return refused end
local uid, ttl, memory, changes = ARGV[5], tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[17])
if at > 0 and was_undone(uid, at) then
  close()
  return { 'older', epoch, now }
end
local old, live = load(uid)
local h = live and old or nil
local pages = h and call('HGET', D, part(uid, 'p')) or ''
local total = #pages / PAGE_BYTES
local first_page = 18 + 3 * changes

local function behind(known)
  local dictionaries = {}
  if not h then return { 'behind', epoch, now, 0, 0, '', '', dictionaries } end
  for number = 0, total - 1 do
    if page_at(pages, number).dictionary > known then
      dictionaries[#dictionaries + 1] = number
      dictionaries[#dictionaries + 1] = call('HGET', D, part(uid, 'd', number))
    end
  end
  return { 'behind', epoch, now, h[DICTIONARY], h[FAMILIES], pages, call('HGET', D, part(uid, 'f')), dictionaries }
end

local known = tonumber(ARGV[12])
if known > 0 and ARGV[11] ~= epoch then known = -1 end
if not h and known ~= 0 or h and known <= 0 then return behind(0) end
if h and known < h[BORN] then return behind(0) end
-- What a writer leaves unchanged in the family table it must have seen: another may have given the family a new help.
if h and tonumber(ARGV[13]) ~= h[FAMILIES] then return behind(known) end
if h and ARGV[14] == '1' and known ~= h[DICTIONARY] then return behind(known) end

-- include merge

local grown = false
for i = first_page, #ARGV, 5 do
  local number = tonumber(ARGV[i])
  local page = number < total and page_at(pages, number)
    or { changed = 0, incarnation = next_version, dictionary = 0, count = 0, blobs = 0, lines = 0 }
  if (number < total and page.incarnation or 0) ~= tonumber(ARGV[i + 1]) then return behind(known) end
  local slots, own = number < total and call('HGET', D, part(uid, 'v', number)) or '', {}
  local merged = merge(page, slots, ARGV[i + 2], ARGV[i + 4], own, number)
  -- A new page stands even when nothing in it was stored: the pages after it count on its number.
  if not merged and number >= total then merged = '' end
  if merged then
    fields[#fields + 1] = part(uid, 'v', number)
    fields[#fields + 1] = merged
    if #merged > #slots or number >= total then
      local appended = merged == '' and '' or ARGV[i + 3]
      fields[#fields + 1] = part(uid, 'd', number)
      fields[#fields + 1] = (page.count > 0 and call('HGET', D, part(uid, 'd', number)) or '') .. appended
      bytes = bytes + #appended + #merged - #slots
      page.dictionary, page.count, grown = next_version, #merged / SLOT, true
    end
    page.changed = next_version
    fresh[number], total = page, math.max(total, number + 1)
    answers[#answers + 1] = { number, page, merged, own }
  end
end

if conflict then return { 'conflict', epoch, now, met } end
if effects == 0 then
  close()
  return { 'ok', epoch, now, older, expired, false }
end
if metrics > tonumber(ARGV[10]) and metrics > (h and h[METRICS] or 0) then return { 'metrics', metrics } end

local families, family_version = '', h and h[FAMILIES] or 0
if h and changes > 0 then families = call('HGET', D, part(uid, 'f')) end
families, family_version = change_families(families, family_version)
local broken = limit_broken(old, series, bytes, ARGV[4])
if broken then return { 'quota', broken } end

account(uid, old, -1)
version = next_version
local header = { 1, ARGV[6], h and math.min(h[CREATED], moment) or moment, at == 0 and now or
  math.max(h and h[PUSHED] or 0, at), 0, '', newest and ARGV[7] or h[PROTOCOL], h and latest(h[EXPIRES], last) or last,
  version, series, bytes, h and h[BORN] or version, (grown or not h) and version or h[DICTIONARY], family_version,
  metrics, h and h[TIDIED] or 0, h and h[EARLIEST] or 0, h and h[LATEST] or -1 }
if header[EARLIEST] == 0 or earliest ~= 0 and earliest < header[EARLIEST] then header[EARLIEST] = earliest end
header[LATEST] = header[LATEST] == -1 and last or latest(header[LATEST], last)
account(uid, header, 1)
local packed = cmsgpack.pack(header)
if family_version == version then
  fields[#fields + 1] = part(uid, 'f')
  fields[#fields + 1] = families
end
fields[#fields + 1] = part(uid, 'p')
fields[#fields + 1] = pack_pages(pages, fresh, total)
fields[#fields + 1] = uid
fields[#fields + 1] = packed
in_pieces('HDEL', D, doomed, 1)
in_pieces('HSET', D, fields, 2)
call('ZADD', L, version, uid)
local look = h and call('ZSCORE', X, uid)
if not h and earliest == 0 then call('ZREM', X, uid) end
if earliest ~= 0 and (not look or earliest < tonumber(look)) then call('ZADD', X, earliest, uid) end
if not old then call('ZREM', T, uid) end
close()

local reply = { 'ok', epoch, now, older, expired, packed, tonumber(ARGV[13]) ~= family_version and families or false,
  h and h[VERSION] or 0 }
for _, answer in ipairs(answers) do
  local number, page, slots, own = answer[1], answer[2], answer[3], answer[4]
  local blobs = {}
  if page.blobs > 0 then
    for index = 0, page.count - 1 do
      if not own[index] and kind_of(string.byte(slots, index * SLOT + SLOT)) == 2 then
        blobs[#blobs + 1] = index
        blobs[#blobs + 1] = call('HGET', D, blob_field(uid, number, index))
      end
    end
  end
  reply[#reply + 1] = number
  reply[#reply + 1] = string.format('%.17g', page.incarnation)
  reply[#reply + 1] = slots
  reply[#reply + 1] = blobs
  -- Another writer added metrics to this page that this one does not know.
  reply[#reply + 1] = not grown and page.dictionary > known and call('HGET', D, part(uid, 'd', number)) or false
end
return reply
