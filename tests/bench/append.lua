-- wrk script: appends to /v1/stream/bench/0 … N-1 in turn. Arguments: the number of streams, and
-- the size of a body in bytes.
local paths, body, at = {}, "", 0

function init(arguments)
  local streams = tonumber(arguments[1])
  body = string.rep("x", tonumber(arguments[2]))
  for i = 1, streams do
    paths[i] = wrk.format("POST", "/v1/stream/bench/" .. (i - 1),
                          { ["Content-Type"] = "application/octet-stream" }, body)
  end
  math.randomseed(os.time())
  at = math.random(streams)
end

function request()
  at = at % #paths + 1
  return paths[at]
end

function done(summary, latency, _)
  local errors = summary.errors
  print(string.format("RESULT {\"requests\":%d,\"seconds\":%.6f,\"errors\":%d,\"p50_ms\":%.3f,\"p99_ms\":%.3f}",
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
