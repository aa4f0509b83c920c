-- Claims a task for each of the agents in turn, one id a line, and completes what it got.
local agents, at, claimed = {}, 0, {}
local result = '{"fencing_token":%s,"result":{"summary":"It is done.","context":{"notes":["as asked"]}}}'

function init(args)
  agents = lines_of(args[1], tonumber(args[2]))
end

function request()
  local task = table.remove(claimed)
  if task ~= nil then
    return post("/api/v1/tasks/" .. task[1] .. "/complete", string.format(result, task[2]))
  end
  at = at % #agents + 1
  return post("/api/v1/agents/" .. agents[at] .. "/claim", "{}")
end

function response(status, headers, body)
  if body:sub(1, 9) == '{"items":' then
    local id = body:match('"task":{"id":"([^"]+)"')
    local token = body:match('"fencing_token":(%d+),"lease_expires_at"')
    if id ~= nil and token ~= nil then claimed[#claimed + 1] = { id, token } end
  end
end
