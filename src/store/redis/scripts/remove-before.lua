#!lua flags=allow-oom
-- remove-before: a removal that was lost: takes out of one unit what was written to it up to then.
--
-- KEYS, ARGV[1..3]  as in partition; the operation is remembered when the end is reached
-- ARGV[4]   time, as in replay
-- ARGV[5]   epoch, as in replay
-- ARGV[6]   unit id
-- ARGV[7]   page of a set to start with
--
-- returns  ok, epoch, now, page to go on with (-1 at the end) | duplicate, epoch, now, first | epoch, found | late, clock |
--          schema, found

-- include partition
-- include group
-- include set
-- include bury
-- include tidy
-- include replay
-- include cut

local MOST_PAGES = 64

local at, uid, onward = tonumber(ARGV[4]), ARGV[6], nil
local refused = reopen(at, ARGV[5])
if refused then return refused end
fence(uid, at)
local h = load(uid)
if h and h[VERSION] > wiped then
  if string.sub(uid, 1, 1) == 'G' then
    cut_group(uid, h, at)
  else
    onward = cut_set(uid, h, at, tonumber(ARGV[7]), MOST_PAGES)
  end
end
close(onward)
return { 'ok', epoch, now, onward or -1 }
