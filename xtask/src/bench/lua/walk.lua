-- Moves tickets, one id a line, through all phases: each one step, then each the next.
local phases = { "REQUIREMENTS", "DESIGN", "IMPLEMENTATION", "TESTING", "DEPLOYMENT", "DONE" }
local tickets, at = {}, 0

function init(args)
  tickets = lines_of(args[1], tonumber(args[2]))
end

function request()
  local phase = phases[math.floor(at / #tickets) + 1]
  if phase == nil then
    wrk.thread:stop()
    phase = "DONE"
  end
  local ticket = tickets[at % #tickets + 1]
  at = at + 1
  return post("/api/v1/tickets/" .. ticket .. "/transition", '{"to_phase":"PHASE_' .. phase .. '"}')
end
