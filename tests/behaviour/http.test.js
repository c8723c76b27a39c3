// HTTP/1.1 as it comes over the wire: framing, limits and timeouts of connections.
import { connect } from "node:net"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { freshPath, raw, statusOf, streams } from "../harness/streams.js"

let server, impatient, ds, root
beforeAll(async () => {
  server = await startServer(["dev", "--max-append-bytes", "10000", "--max-request-line-bytes", "4096", "--max-header-bytes", "8192", "--max-connections", "200"])
  impatient = await startServer(["dev", "--header-timeout", "1s", "--body-timeout", "1s", "--idle-timeout", "1s"])
  ds = streams(server.url)
  root = new URL(server.url).pathname
})
afterAll(() => Promise.all([server.stop(), impatient.stop()]))

const post = (path, headers, body = "") => `POST ${root}${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n${headers}\r\n\r\n${body}`
async function stream() {
  const path = freshPath("http")
  await ds.create(path)
  return path
}

test("pipelined requests are answered in order", async () => {
  const path = await stream()
  const requests = Array.from({ length: 50 }, (_, i) => post(path, `Content-Length: ${`${i};`.length}`, `${i};`)).join("")
  const answers = await raw(server.url, requests, { done: (text) => text.split("HTTP/1.1 204").length === 51 })
  const offsets = [...answers.matchAll(/Stream-Next-Offset: (\S+)/g)].map((match) => match[1])
  expect(offsets).toEqual([...offsets].sort())
  expect((await ds.read(path)).text).toBe(Array.from({ length: 50 }, (_, i) => `${i};`).join(""))
})

test("a request in single bytes is understood", async () => {
  const path = await stream()
  const bytes = post(path, "Content-Length: 5", "hello")
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.setNoDelay(true)
  const answered = new Promise((resolve) => socket.once("data", resolve))
  for (const byte of bytes) {
    socket.write(byte)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(statusOf(String(await answered))).toBe(204)
  socket.destroy()
})

test("Expect: 100-continue is answered before the body", async () => {
  const path = await stream()
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.write(post(path, "Content-Length: 5\r\nExpect: 100-continue"))
  expect(String(await new Promise((resolve) => socket.once("data", resolve)))).toBe("HTTP/1.1 100 Continue\r\n\r\n")
  socket.write("hello")
  expect(statusOf(String(await new Promise((resolve) => socket.once("data", resolve))))).toBe(204)
  socket.destroy()
})

test("a body beyond the limit is refused with 413, announced or not", async () => {
  const path = await stream()
  expect((await ds.append(path, Buffer.alloc(10_000))).status).toBe(204)
  const announced = await raw(server.url, post(path, "Content-Length: 10001"))
  expect(statusOf(announced)).toBe(413)
  expect(announced).toContain('"code":"payload-too-large"')
  const chunk = `${(6000).toString(16)}\r\n${"x".repeat(6000)}\r\n`
  const grown = await raw(server.url, post(path, "Transfer-Encoding: chunked", chunk + chunk + "0\r\n\r\n"))
  expect(statusOf(grown)).toBe(413)
  expect((await ds.read(path)).body.length).toBe(10_000)
})

test("an over-long request line is 414, over-long or too many headers 431", async () => {
  expect(statusOf(await raw(server.url, `GET ${root}${"x".repeat(5000)} HTTP/1.1\r\nHost: x\r\n\r\n`))).toBe(414)
  expect(statusOf(await raw(server.url, `GET ${root}x HTTP/1.1\r\nHost: x\r\nX-Long: ${"y".repeat(9000)}\r\n\r\n`))).toBe(431)
  expect(statusOf(await raw(server.url, `GET ${root}x HTTP/1.1\r\nHost: x\r\n${"A: b\r\n".repeat(200)}\r\n`))).toBe(431)
})

// Shapes with which a request is smuggled past a proxy that reads it differently.
test.each([
  ["Content-Length with Transfer-Encoding", "Content-Length: 5\r\nTransfer-Encoding: chunked"],
  ["Transfer-Encoding: xchunked", "Transfer-Encoding: xchunked"],
  ["Transfer-Encoding: chunked, identity", "Transfer-Encoding: chunked, identity"],
  ["Transfer-Encoding: gzip, chunked", "Transfer-Encoding: gzip, chunked"],
  ["two Transfer-Encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"],
  ["Content-Length: 3,3", "Content-Length: 3,3"],
  ["two different lengths", "Content-Length: 3\r\nContent-Length: 5"],
  ["two equal lengths", "Content-Length: 3\r\nContent-Length: 3"],
  ["a signed length", "Content-Length: +3"],
  ["a hexadecimal length", "Content-Length: 0x3"],
  ["an empty length", "Content-Length: "],
  ["a length beyond 64 bits", "Content-Length: 99999999999999999999999"],
  ["a space before the colon", "Content-Length : 3"],
  ["a folded header", "X-Folded: a\r\n b\r\nContent-Length: 3"],
  ["a second Host", "Host: y\r\nContent-Length: 3"],
  ["a NUL in a value", "X-Nul: a\0b\r\nContent-Length: 3"],
])("%s is refused and the connection closed", async (_name, headers) => {
  const path = await stream()
  const smuggled = `DELETE ${root}${path} HTTP/1.1\r\nHost: x\r\n\r\n`
  const answer = await raw(server.url, post(path, headers, "abc" + smuggled))
  expect(statusOf(answer)).toBe(400)
  expect(answer.match(/HTTP\/1\.1 /g).length).toBe(1)
  expect(answer).toMatch(/\r\nConnection: close\r\n/)
  expect((await ds.read(path)).text).toBe("")
})

test.each([
  ["bare LF lines", `GET /v1/stream/x HTTP/1.1\nHost: x\n\n`],
  ["no Host in HTTP/1.1", `GET /v1/stream/x HTTP/1.1\r\n\r\n`],
  ["Transfer-Encoding in HTTP/1.0", `POST /v1/stream/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["no HTTP at all", `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS hello\r\n\r\n`],
  ["an unknown version", `GET /v1/stream/x HTTP/3.7\r\nHost: x\r\n\r\n`],
  ["a malformed chunk size", `POST /v1/stream/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n`],
])("%s: refused", async (_name, bytes) => {
  const answer = await raw(server.url, bytes)
  expect(statusOf(answer)).toBeGreaterThanOrEqual(400)
  expect(statusOf(answer)).toBeLessThan(500)
})

test("HTTP/1.0 is answered and closed; live reads work without chunks", async () => {
  const path = freshPath("http")
  await ds.create(path, { type: "text/plain", body: "x", headers: { "stream-closed": "true" } })
  const answer = await raw(server.url, `GET ${root}${path}?offset=-1 HTTP/1.0\r\n\r\n`)
  expect(statusOf(answer)).toBe(200)
  expect(answer.endsWith("\r\n\r\nx")).toBe(true)
  const live = await raw(server.url, `GET ${root}${path}?offset=-1&live=sse HTTP/1.0\r\n\r\n`)
  expect(live).not.toMatch(/Transfer-Encoding/i)
  expect(live).toMatch(/event: data\ndata:x\nid: \S+\n\n/)
})

test("a head that does not end, a body that does not come and an idle connection are ended", async () => {
  const slowHead = await raw(impatient.url, `GET ${root}x HTTP/1.1\r\nHost:`, { timeoutMs: 5_000 })
  expect(statusOf(slowHead)).toBe(408)
  const path = freshPath("http")
  await streams(impatient.url).create(path)
  const slowBody = await raw(impatient.url, post(path, "Content-Length: 100", "some"), { timeoutMs: 5_000 })
  expect(statusOf(slowBody)).toBe(408)
  const idle = await raw(impatient.url, `GET ${root}${path}?offset=-1 HTTP/1.1\r\nHost: x\r\n\r\n`, { timeoutMs: 5_000 })
  expect(statusOf(idle)).toBe(200)
  expect(idle).toMatch(/\r\nContent-Length: 0\r\n/)
})

test("announced bodies that do not come do not starve others", async () => {
  const path = await stream()
  const { hostname, port } = new URL(server.url)
  const sockets = Array.from({ length: 100 }, () => {
    const socket = connect(Number(port), hostname)
    socket.on("error", () => {})
    socket.write(post(path, "Content-Length: 10000", "x"))
    return socket
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect((await ds.append(path, Buffer.alloc(9_000))).status).toBe(204)
  for (const socket of sockets) socket.destroy()
})

test("connections beyond the limit are refused, and taken again when others end", async () => {
  const { hostname, port } = new URL(server.url)
  const open = () =>
    new Promise((resolve) => {
      const socket = connect(Number(port), hostname)
      socket.on("error", () => {})
      socket.on("connect", () => resolve(socket))
    })
  const sockets = []
  for (let i = 0; i < 250; i++) sockets.push(await open())
  await new Promise((resolve) => setTimeout(resolve, 200))
  const refused = sockets.filter((socket) => socket.destroyed || socket.readyState !== "open" || socket.readableEnded).length
  for (const socket of sockets) socket.destroy()
  expect(refused).toBeGreaterThan(0)
  await expect.poll(async () => (await ds.head("nothing").catch(() => ({}))).status).toBe(404)
})

test("HEAD has the headers of GET's answer and no body; Date and Server are there", async () => {
  const path = await stream()
  const answer = await raw(server.url, `HEAD ${root}${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  expect(answer).toMatch(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/)
  expect(answer).toMatch(/\r\nServer: durable-streams\r\n/)
  expect(answer.endsWith("\r\n\r\n")).toBe(true)
})
