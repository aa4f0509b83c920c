-- Sends requests from a file, one a line: a path, or a path, a tab and a body to post. A `#` in a
-- body becomes a number that grows.
local prepared, paths, bodies, at, round = {}, {}, {}, 0, 0

function init(args)
  for _, line in ipairs(lines_of(args[1], tonumber(args[2]))) do
    local path, body = line:match("^(.-)\t(.*)$")
    local n = #prepared + 1
    if body == nil then
      prepared[n] = get(line)
    elseif body:find("#", 1, true) then
      prepared[n], paths[n], bodies[n] = false, path, body
    else
      prepared[n] = post(path, body)
    end
  end
end

function request()
  at = at + 1
  if at > #prepared then
    at, round = 1, round + 1
  end
  return prepared[at] or post(paths[at], (bodies[at]:gsub("#", tostring(round))))
end
