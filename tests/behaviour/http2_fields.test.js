// What HTTP/2 forbids in the fields of a request (RFC 9113 sections 8.2 and 8.3): such requests are
// malformed, are refused, and nothing of them is done.
import { once } from "node:events"
import { createServer } from "node:http"
import http2 from "node:http2"
import { afterAll, beforeAll, expect, test } from "vitest"
import { block, endHeaders, endStream, frame, openFrames, request, statusIn, types } from "../harness/http2_frames.js"
import { startServer } from "../harness/server.js"
import { freshPath, streams, until } from "../harness/streams.js"

let server, root, ds
beforeAll(async () => {
  server = await startServer(["dev"])
  root = new URL(server.url).pathname
  ds = streams(server.url)
})
afterAll(() => server.stop())

/** "reset" for PROTOCOL_ERROR, or the status. */
async function outcome(frames) {
  const connection = openFrames(server.url, frames)
  const [answer, reset] = [() => connection.of(1, types.headers)[0], () => connection.of(1, types.reset)[0]]
  const goaway = () => connection.of(0, types.goaway)[0]
  await until(() => answer() || reset() || goaway())
  connection.close()
  if (goaway()) return `goaway ${goaway().payload.readUInt32BE(4)}`
  if (answer()) return statusIn(answer()) ?? "other"
  return reset().payload.readUInt32BE(0) === 1 ? "reset" : `reset ${reset().payload.readUInt32BE(0)}`
}

const type = ["content-type", "text/plain"]
const post = (path, fields, data = "x") => [frame(types.headers, endHeaders, 1, block([...request("POST", root + path), type, ...fields])), frame(types.data, endStream, 1, Buffer.from(data))]

test.each([
  ["Connection", ["connection", "keep-alive"]],
  ["Keep-Alive", ["keep-alive", "timeout=5"]],
  ["Proxy-Connection", ["proxy-connection", "keep-alive"]],
  ["Transfer-Encoding", ["transfer-encoding", "chunked"]],
  ["Upgrade", ["upgrade", "websocket"]],
  ["TE other than trailers", ["te", "gzip"]],
  ["TE with more than trailers", ["te", "trailers, gzip"]],
  ["a name in upper case", ["X-Upper", "a"]],
  ["a name with a space", ["x y", "a"]],
  ["a name with a colon", ["x:y", "a"]],
  ["an empty name", ["", "a"]],
  ["CR in a value", ["x-a", "a\rb"]],
  ["LF in a value", ["x-a", "a\nstream-closed: true"]],
  ["NUL in a value", ["x-a", "a\0b"]],
  ["a pseudo-header field after others", [":path", "/v1/stream/other"]],
  ["an unknown pseudo-header field", [":secret", "a"]],
  ["a pseudo-header field of answers", [":status", "200"]],
  ["a second Content-Length", ["content-length", "1"], ["content-length", "1"]],
  ["a list of Content-Lengths", ["content-length", "1, 1"]],
  ["a signed Content-Length", ["content-length", "+1"]],
  ["a Content-Length that is none", ["content-length", "x"]],
  ["a Content-Length that is too small", ["content-length", "0"]],
  ["a Content-Length that is too large", ["content-length", "2"]],
  ["a second Host", ["host", "x"], ["host", "x"]],
])("%s: refused, nothing is appended", async (_name, ...fields) => {
  const path = freshPath("fields")
  await ds.create(path, { type: "text/plain" })
  expect(["reset", 400]).toContain(await outcome(post(path, fields)))
  expect((await ds.read(path)).text).toBe("")
})

test("TE: trailers and the right Content-Length are fine", async () => {
  const path = freshPath("fields")
  await ds.create(path, { type: "text/plain" })
  expect(await outcome(post(path, [["te", "trailers"], ["content-length", "1"]]))).toBe(204)
  expect((await ds.read(path)).text).toBe("x")
})

test.each([
  ["no :method", (fields) => fields.filter(([name]) => name !== ":method")],
  ["no :path", (fields) => fields.filter(([name]) => name !== ":path")],
  ["no :scheme", (fields) => fields.filter(([name]) => name !== ":scheme")],
  ["an empty :path", (fields) => fields.map(([name, value]) => [name, name === ":path" ? "" : value])],
  [":path that is no path", (fields) => fields.map(([name, value]) => [name, name === ":path" ? "v1/stream/x" : value])],
  [":path *", (fields) => fields.map(([name, value]) => [name, name === ":path" ? "*" : value])],
  [":path with a space", (fields) => fields.map(([name, value]) => [name, name === ":path" ? "/v1/stream/a b" : value])],
  [":method with a space", (fields) => fields.map(([name, value]) => [name, name === ":method" ? "P UT" : value])],
  ["two :path", (fields) => [...fields, [":path", "/v1/stream/other"]]],
  ["two :method", (fields) => [...fields, [":method", "DELETE"]]],
  ["two :authority", (fields) => [...fields, [":authority", "y"]]],
])("%s: refused", async (_name, change) => {
  const path = freshPath("fields")
  expect(["reset", 400]).toContain(await outcome([frame(types.headers, endHeaders | endStream, 1, block(change(request("PUT", root + path))))]))
  expect((await ds.head(path)).status).toBe(404)
})

test.each([
  ["pseudo-header fields", [[":path", "/v1/stream/other"]]],
  ["forbidden fields", [["connection", "close"]]],
  ["a malformed name", [["X-Upper", "a"]]],
  ["a malformed value", [["x-a", "a\nb"]]],
])("%s in trailers: refused, nothing is appended", async (_name, trailers) => {
  const path = freshPath("fields")
  await ds.create(path, { type: "text/plain" })
  const head = frame(types.headers, endHeaders, 1, block([...request("POST", root + path), type]))
  expect(["reset", 400]).toContain(await outcome([head, frame(types.data, 0, 1, Buffer.from("x")), frame(types.headers, endHeaders | endStream, 1, block(trailers))]))
  expect((await ds.read(path)).text).toBe("")
})

test("trailers that do not end the request are refused", async () => {
  const path = freshPath("fields")
  await ds.create(path, { type: "text/plain" })
  const head = frame(types.headers, endHeaders, 1, block([...request("POST", root + path), type]))
  expect(["reset", 400]).toContain(await outcome([head, frame(types.headers, endHeaders, 1, block([["stream-closed", "true"]])), frame(types.data, endStream, 1, Buffer.from("x"))]))
  expect((await ds.read(path)).text).toBe("")
})

test("an expectation that cannot be met is 417", async () => {
  const session = http2.connect(new URL(server.url).origin)
  const asked = session.request({ ":method": "POST", ":path": `${root}x`, expect: "a-miracle" })
  asked.on("error", () => {})
  expect((await once(asked, "response"))[0][":status"]).toBe(417)
  session.destroy()
})

test("a cookie that came in parts is one cookie to those behind", async () => {
  const seen = []
  const check = createServer((asked, answer) => {
    seen.push(asked.headers.cookie)
    answer.end()
  }).listen(0, "127.0.0.1")
  await once(check, "listening")
  const checked = await startServer(["dev", "--auth-url", `http://127.0.0.1:${check.address().port}/`])
  const connection = openFrames(checked.url, [frame(types.headers, endHeaders | endStream, 1, block([...request("GET", `${root}x`), ["cookie", "a=1"], ["x-between", "y"], ["cookie", "b=2"]]))])
  await until(() => connection.of(1, types.headers).length > 0)
  expect(seen).toEqual(["a=1; b=2"])
  connection.close()
  await checked.stop()
  check.close()
})
