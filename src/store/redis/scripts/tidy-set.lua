#!lua flags=allow-oom
-- tidy-set: drop what is over from a set, to make room.
--
-- KEYS, ARGV[1..3]  as in partition, without operation
-- ARGV[4]   unit id
-- ARGV[5]   page to start with
-- ARGV[6]   most pages to look at
-- ARGV[7]   share of finished slots from which on a page is rewritten, 0 to 1
--
-- returns  ok, page to go on with or -1 at the end, metrics left | late, clock | schema, found

-- include partition
-- include set
-- include tidy

local refused = open()
if refused then return refused end
local uid = ARGV[4]
local h, live = load(uid)
if not live then return { 'ok', -1, 0 } end
local before = version
local onward = tidy_pages(uid, h, tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]))
if version ~= before then
  call('HSET', D, uid, cmsgpack.pack(h))
  close()
end
return { 'ok', onward or -1, h[METRICS] }
