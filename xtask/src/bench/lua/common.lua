-- What every script shares: which thread this is, the lines that it works on, and the report.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
  thread:set("wanted", 0)
end

-- The lines of a file that belong to this thread: every second one of two threads.
function lines_of(file, count)
  local all, at = {}, 0
  for line in io.lines(file) do
    if at % count == number then all[#all + 1] = line end
    at = at + 1
  end
  return all
end

function get(path)
  return "GET " .. path .. " HTTP/1.1\r\nHost: phaseline\r\n\r\n"
end

function post(path, body)
  return "POST " .. path .. " HTTP/1.1\r\nHost: phaseline\r\nContent-Type: application/json\r\n"
    .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
