// Which host a request is for: Host, :authority, and targets that name one (RFC 9110 section 7.2,
// RFC 9112 section 3.2, RFC 9113 section 8.3.1).
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { endHeaders, endStream, block, frame, openFrames, request, statusIn, types } from "../harness/http2_frames.js"
import { startServer } from "../harness/server.js"
import { freshPath, raw, statusOf, until } from "../harness/streams.js"

let server, root
beforeAll(async () => {
  server = await startServer(["dev"])
  root = new URL(server.url).pathname
})
afterAll(() => server.stop())

const create = (target, host, version = "1.1") => raw(server.url, `PUT ${target} HTTP/${version}\r\n${host}Connection: close\r\nContent-Length: 0\r\n\r\n`)
const location = (answer) => /\r\nLocation: (.*)\r\n/.exec(answer)?.[1]

test.each([
  ["a name", "streams.example", "http://streams.example"],
  ["a port", "streams.example:8080", "http://streams.example:8080"],
  ["IPv6", "[2001:db8::1]:80", "http://[2001:db8::1]:80"],
  ["an empty port", "streams.example:", "http://streams.example:"],
  ["nothing", "", ""],
])("Host may be %s", async (_name, host, origin) => {
  const path = root + freshPath("host")
  const answer = await create(path, `Host: ${host}\r\n`)
  expect(statusOf(answer)).toBe(201)
  expect(location(answer)).toBe(origin + path)
})

const invalid = ["a b", "a/b", "user@a", "user:secret@a", "a:65536", "a:http", "a:-1", ":80", "[::1", "[::1]x", "[1.2.3.4]", "a\\b", "<script>", "a, b", "http://a", "b\xfccher", "a%zz"]

test.each(invalid)("Host %s is refused in both versions of HTTP/1", async (host) => {
  for (const version of ["1.0", "1.1"]) {
    const answer = await create(root + freshPath("host"), `Host: ${host}\r\n`, version)
    expect(statusOf(answer)).toBe(400)
    expect(location(answer)).toBeUndefined()
  }
})

test("two Hosts are refused, none is as HTTP/1.0 allows", async () => {
  const path = root + freshPath("host")
  expect(statusOf(await create(path, "Host: a\r\nHost: a\r\n", "1.0"))).toBe(400)
  expect(statusOf(await create(path, ""))).toBe(400)
  const answer = await create(path, "", "1.0")
  expect(statusOf(answer)).toBe(201)
  expect(location(answer)).toBe(path)
})

test("the authority of an absolute target counts more than Host", async () => {
  const path = root + freshPath("host")
  const answer = await create(`http://real.example:1234${path}`, "Host: other.example\r\n")
  expect(statusOf(answer)).toBe(201)
  expect(location(answer)).toBe(`http://real.example:1234${path}`)
})

test.each(["http:///x", "http://", "http://user@real.example/x", "http://real.example:99999/x", "ftp://real.example/x", "real.example/x", "x", "*", "?x"])("the target %s is refused", async (target) => {
  expect(statusOf(await create(target, "Host: a\r\n"))).toBe(400)
})

test("OPTIONS may ask about the server", async () => {
  expect(statusOf(await raw(server.url, "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))).toBe(204)
})

describe("over HTTP/2", () => {
  /** What becomes of a PUT: its status, or the error of the reset, and Location's bytes if they can be seen. */
  async function put(path, authority, host) {
    const fields = [...request("PUT", path, { authority }), ...(host === undefined ? [] : [["host", host]])]
    const connection = openFrames(server.url, [frame(types.headers, endHeaders | endStream, 1, block(fields))])
    const ended = () => connection.of(1, types.headers).length + connection.of(1, types.reset).length > 0
    await until(ended)
    const [answer] = connection.of(1, types.headers)
    const [reset] = connection.of(1, types.reset)
    connection.close()
    if (answer === undefined) return { reset: reset.payload.readUInt32BE(0) }
    // :status 201 is a literal of HPACK; what is refused has a status of the static table.
    return { status: statusIn(answer) ?? "other" }
  }

  test.each([
    ["only :authority", "a:1", undefined],
    ["only Host", null, "a:1"],
    ["the same in both", "a:1", "A:1"],
    ["the default port in one", "a", "a:80"],
  ])("%s is taken", async (_name, authority, host) => {
    const path = root + freshPath("authority")
    expect((await put(path, authority, host)).status).toBe("other")
    expect((await fetch(new URL(path, server.url), { method: "HEAD" })).status).toBe(200)
  })

  test("Host that differs from :authority is refused", async () => {
    const path = root + freshPath("authority")
    expect((await put(path, "a", "b")).status).toBe(400)
    expect((await put(path, "a:1", "a:2")).status).toBe(400)
    expect((await put(path, "a", "a:443")).status).toBe(400)
    expect((await fetch(new URL(path, server.url), { method: "HEAD" })).status).toBe(404)
  })

  test.each(invalid)("%s is refused as either", async (text) => {
    const path = root + freshPath("authority")
    // A pseudo-header field with a character that none may have is a broken stream (PROTOCOL_ERROR).
    const asAuthority = await put(path, text, undefined)
    expect(asAuthority.status ?? asAuthority.reset).toBe(asAuthority.reset === undefined ? 400 : 1)
    expect((await put(path, "a", text)).status).toBe(400)
    const alone = await put(path, null, text)
    expect(alone.status ?? alone.reset).toBe(alone.reset === undefined ? 400 : 1)
    expect((await fetch(new URL(path, server.url), { method: "HEAD" })).status).toBe(404)
  })
})
