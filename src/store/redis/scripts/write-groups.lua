#!lua
-- write-groups: replace groups (put) or the families that pushes name (post): any number of pushes that came together,
-- each in one step and for itself.
--
-- KEYS      those of the partitions, as in partition, one after the other
-- ARGV[1]   list of pushes, as MessagePack: which of the partitions, from 1, and a list
--           1..3  as in partition
--           4     limits: five doubles (units, series, bytes of the partition; series, bytes of a unit alone in it)
--           5     unit id
--           6     labels
--           7     protocol
--           8     put or post
--           9     milliseconds the families live, 0 = never expire
--           10    milliseconds the push times outlive them
--           11    most families a group may hold
--           12..  name, type, series, blob of each family
--
-- returns  for each push  ok, told | duplicate, epoch, now, first | late, clock | schema, found | quota, limit |
--          families, count | error, message
--
-- Told is what the push itself does not say. As doubles: now; version, created, failed and expiry of the group; the
-- version it had if it has other families, which stay as they are, else 0; expiry of the families that the push names, and
-- when each of these was first seen. Then the epoch, a zero byte, and why the group failed last.

-- include partition
-- include group

local function write()
  local refused = open(true)
  if refused then return refused end
  local uid, ttl, retention = args[5], args[9], args[10]
  local old, live = load(uid)
  local known = live and old or nil
  local expires = ttl == 0 and 0 or now + ttl
  local h = { 1, args[6], known and known[CREATED] or now, now, known and known[FAILED] or 0,
    known and known[FAILURE] or '', args[7], ttl == 0 and 0 or now + ttl + retention, 0, 0, #args[6],
    args[8] == 'put' and now or old and old[REPLACED] or 0 }

  local named, doomed, place, others = {}, {}, {}, false
  for i = 12, #args, 4 do named[args[i]] = true end
  for i = FIRST, old and #old or 0, FAMILY do
    local name = old[i]
    local there = known and not is_past(old[i + F_EXPIRES])
    if there then place[name] = i end
    if not named[name] then
      if there and args[8] == 'post' then
        for j = 0, FAMILY - 1 do h[#h + 1] = old[i + j] end
        h[SERIES], h[BYTES] = h[SERIES] + old[i + F_SERIES], h[BYTES] + old[i + F_BYTES]
        others = true
      else
        doomed[#doomed + 1] = uid .. '\0' .. name
      end
    end
  end
  if known and args[8] == 'post' then
    local untouched = #args < 12 and #h >= FIRST
    h[EXPIRES] = untouched and known[EXPIRES] or latest(known[EXPIRES], h[EXPIRES])
  end

  local fields, seen_at = {}, {}
  for i = 12, #args, 4 do
    local name, kind, count, blob = args[i], args[i + 1], args[i + 2], args[i + 3]
    local at = place[name]
    local seen = at and old[at + TYPE] == kind and old[at + F_SEEN] or now
    local size = #h
    h[size + 1], h[size + 2], h[size + 3], h[size + 4] = name, kind, count, #blob + #name
    h[size + 5], h[size + 6], h[size + 7], h[size + 8] = version + 1, expires, now, seen
    h[SERIES], h[BYTES] = h[SERIES] + count, h[BYTES] + #blob + #name
    fields[#fields + 1] = uid .. '\0' .. name
    fields[#fields + 1] = blob
    seen_at[#seen_at + 1] = seen
  end

  local families = (#h - REPLACED) / FAMILY
  if families > args[11] then return { 'families', families } end
  local broken = limit_broken(old, h[SERIES], h[BYTES], args[4])
  if broken then return { 'quota', broken } end
  store_group(uid, old, h, fields, doomed)
  close()
  local told = struct.pack('<ddddddd' .. string.rep('d', #seen_at), now, h[VERSION], h[CREATED], h[FAILED], h[EXPIRES],
    others and known[VERSION] or 0, expires, unpack(seen_at))
  return { 'ok', told .. epoch .. '\0' .. h[FAILURE] }
end

local replies = {}
for i, push in ipairs(cmsgpack.unpack(ARGV[1])) do
  enter(push[1], push[2])
  local done, reply = pcall(write)
  replies[i] = done and reply or { 'error', type(reply) == 'table' and reply.err or tostring(reply) }
end
return replies
