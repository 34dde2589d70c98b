-- call.lua: wrk sends tools/call with 1 KiB of arguments and an id that no other request has.
local thread_count = 0

function setup(thread)
   thread:set("number", thread_count)
   thread_count = thread_count + 1
end

function init(args)
   path = args[1]
   name = args[2]
   headers = {
      ["Content-Type"] = "application/json",
      ["Accept"] = "application/json, text/event-stream",
      ["MCP-Protocol-Version"] = "2026-07-28",
      ["Mcp-Method"] = "tools/call",
      ["Mcp-Name"] = name,
      ["Authorization"] = "Bearer " .. args[3],
   }
   text = string.rep("x", 1024)
   sent = 0
   refused = 0
end

function request()
   sent = sent + 1
   local body = string.format(
      '{"jsonrpc":"2.0","id":"%d-%d","method":"tools/call","params":{"name":"%s","arguments":{"text":"%s"},' ..
      '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' ..
      '"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},' ..
      '"io.modelcontextprotocol/clientCapabilities":{}}}}', number, sent, name, text)
   return wrk.format("POST", path, headers, body)
end

function done(summary, latency, requests)
   io.write(string.format('RESULT {"requests":%d,"errors":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d}\n',
      summary.requests,
      summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
      summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
