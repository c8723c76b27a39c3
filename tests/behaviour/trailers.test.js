// Nothing after the header section of a request acts: what stands in the trailers of a body is not
// a header, in either version of HTTP, whatever the method.
import { createHash } from "node:crypto"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import http2 from "node:http2"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, raw, statusOf, streams } from "../harness/streams.js"

let folder, open, guarded, ds
beforeAll(async () => {
  folder = scratchFolder()
  const file = join(folder.path, "auth.json")
  const rules = [{ paths: ["**"], operations: ["*"] }]
  writeFileSync(file, JSON.stringify({ keys: [{ name: "a", sha256: createHash("sha256").update("secret").digest("hex"), rules }] }))
  open = await startServer(["dev"])
  guarded = await startServer(["dev", "--auth-config", file])
  ds = streams(open.url)
})
afterAll(async () => {
  await Promise.all([open.stop(), guarded.stop()])
  folder.remove()
})

/** Sends `body` in chunks with trailers; resolves to the status and the headers of the answer. */
async function http1(server, method, path, headers, body, trailers) {
  const lines = (fields) => Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `${method} ${new URL(server.url).pathname}${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n`
  const chunk = body === "" ? "" : `${body.length.toString(16)}\r\n${body}\r\n`
  const answer = await raw(server.url, [head, ...lines(headers), "\r\n", chunk, "0\r\n", ...lines(trailers), "\r\n"].join(""))
  const fields = answer.split("\r\n\r\n")[0].split("\r\n").slice(1)
  return { status: statusOf(answer), headers: Object.fromEntries(fields.map((line) => [line.split(": ")[0].toLowerCase(), line.split(": ")[1]])), text: answer }
}

async function http2Request(server, method, path, headers, body, trailers) {
  const session = http2.connect(new URL(server.url).origin)
  const request = session.request({ ":method": method, ":path": `${new URL(server.url).pathname}${path}`, ...headers }, { waitForTrailers: true })
  request.on("wantTrailers", () => request.sendTrailers(trailers))
  request.end(body)
  const [answer] = await once(request, "response")
  let text = ""
  for await (const chunk of request) text += chunk
  session.close()
  return { status: answer[":status"], headers: answer, text }
}

const type = { "content-type": "text/plain" }

describe.each([
  ["HTTP/1.1", http1],
  ["HTTP/2", http2Request],
])("over %s", (_name, send) => {
  test.each(["PUT", "POST"])("%s: a trailer Stream-Closed closes nothing", async (method) => {
    const path = freshPath("trailers")
    if (method === "POST") await ds.create(path, { type: "text/plain" })
    const answer = await send(open, method, path, type, "one", { "Stream-Closed": "true" })
    expect(answer.status).toBe(method === "PUT" ? 201 : 204)
    expect(answer.headers["stream-closed"]).toBeUndefined()
    expect((await ds.append(path, " two", { type: "text/plain" })).status).toBe(204)
    expect((await ds.read(path)).text).toBe("one two")
  })

  test("an empty body with a trailer Stream-Closed is no close", async () => {
    const path = freshPath("trailers")
    await ds.create(path, { type: "text/plain" })
    expect((await send(open, "POST", path, type, "", { "Stream-Closed": "true" })).status).toBe(400)
    expect((await ds.head(path)).headers.get("stream-closed")).toBeNull()
  })

  test.each(["PUT", "POST"])("%s: a trailer Authorization authenticates nobody", async (method) => {
    const path = freshPath("trailers")
    const key = { authorization: "Bearer secret" }
    if (method === "POST") await streams(guarded.url).create(path, { headers: key })
    const answer = await send(guarded, method, path, { "content-type": "application/octet-stream" }, "x", { Authorization: "Bearer secret" })
    expect(answer.status).toBe(401)
    const head = await streams(guarded.url).call("HEAD", path, { headers: key })
    expect(head.status).toBe(method === "PUT" ? 404 : 200)
    if (method === "POST") expect((await streams(guarded.url).call("GET", path, { headers: key })).text).toBe("")
  })

  test("trailers Producer-* make no producer of the client", async () => {
    const path = freshPath("trailers")
    await ds.create(path, { type: "text/plain" })
    const trailers = { "Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "0" }
    for (let i = 0; i < 2; i++) {
      const answer = await send(open, "POST", path, type, "x", trailers)
      expect(answer.status).toBe(204)
      expect(answer.headers["producer-epoch"]).toBeUndefined()
    }
    expect((await ds.read(path)).text).toBe("xx")
  })

  test("trailers Producer-* do not complete those of the header section", async () => {
    const path = freshPath("trailers")
    await ds.create(path, { type: "text/plain" })
    const answer = await send(open, "POST", path, { ...type, "producer-id": "p" }, "x", { "Producer-Epoch": "0", "Producer-Seq": "0" })
    expect(answer.status).toBe(400)
    expect((await ds.read(path)).text).toBe("")
  })

  test("a trailer Content-Type does not stand in for the header", async () => {
    const path = freshPath("trailers")
    await ds.create(path, { type: "text/plain" })
    const answer = await send(open, "POST", path, {}, "x", { "Content-Type": "text/plain" })
    expect(answer.status).toBe(400)
    expect(answer.text).toContain("missing-content-type")
    await send(open, "PUT", `${path}-new`, {}, "x", { "Content-Type": "text/html" })
    expect((await ds.head(`${path}-new`)).headers.get("content-type")).toBe("application/octet-stream")
  })

  test("trailers of PUT give no lifetime and make no fork", async () => {
    const path = freshPath("trailers")
    await ds.create(path, { type: "text/plain", body: "source" })
    const trailers = { "Stream-TTL": "1", "Stream-Forked-From": `${new URL(open.url).pathname}${path}` }
    expect((await send(open, "PUT", `${path}-new`, type, "", trailers)).status).toBe(201)
    expect((await ds.head(`${path}-new`)).headers.get("stream-ttl")).toBeNull()
    expect((await ds.read(`${path}-new`)).text).toBe("")
  })

  test("too many trailers, and too large ones, are 431 and nothing is stored", async () => {
    const path = freshPath("trailers")
    await ds.create(path, { type: "text/plain" })
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, "y"]))
    expect((await send(open, "POST", path, type, "x", many)).status).toBe(431)
    const large = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`x-${i}`, "y".repeat(4000)]))
    expect((await send(open, "POST", path, type, "x", large)).status).toBe(431)
    expect((await ds.read(path)).text).toBe("")
    delete many["x-100"]
    expect((await send(open, "POST", path, type, "x", many)).status).toBe(204)
  })
})

const chunked = (path, body) => `POST ${new URL(open.url).pathname}${path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n${body}`

test("what follows the trailers is a request of its own", async () => {
  const path = freshPath("trailers")
  await ds.create(path, { type: "text/plain" })
  const body = "1\r\n1\r\n0\r\nX-Padding: a\r\nStream-Seq: 5\r\n\r\n"
  const answers = await raw(open.url, chunked(path, body) + chunked(path, body.replace("1\r\n1", "1\r\n2")) + `HEAD ${new URL(open.url).pathname}${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 204", "HTTP/1.1 204", "HTTP/1.1 200"])
  expect((await ds.read(path)).text).toBe("12")
})

test.each([
  ["a folded trailer", "1\r\nx\r\n0\r\nX-A: b\r\n c\r\n\r\n"],
  ["a trailer folded by a tab", "1\r\nx\r\n0\r\nX-A: b\r\n\tStream-Closed: true\r\n\r\n"],
  ["a trailer that ends with a bare LF", "1\r\nx\r\n0\r\nX-A: b\n\r\n"],
  ["trailers that end with a bare LF", "1\r\nx\r\n0\r\nX-A: b\r\n\n"],
  ["a bare CR in a trailer", "1\r\nx\r\n0\r\nX-A: b\rc\r\n\r\n"],
  ["a trailer without a name", "1\r\nx\r\n0\r\n: b\r\n\r\n"],
  ["a space before a trailer's colon", "1\r\nx\r\n0\r\nX-A : b\r\n\r\n"],
  ["a bare LF after a chunk's size", "1\nx\r\n0\r\n\r\n"],
  ["a bare LF in an extension", "1;a\nx\r\n0\r\n\r\n"],
  ["a bare LF in a quoted extension", '1;a="\n"\r\nx\r\n0\r\n\r\n'],
  ["a bare LF behind a backslash in a quoted extension", '1;a="\\\n"\r\nx\r\n0\r\n\r\n'],
  ["CRLF in a quoted extension", '1;a="\r\n0\r\n\r\nDELETE / HTTP/1.1\r\n\r\n"\r\nx\r\n0\r\n\r\n'],
  ["more than 32 KiB of extensions", `1;a=${"b".repeat(33_000)}\r\nx\r\n0\r\n\r\n`],
])("%s is refused and the connection closed", async (_name, body) => {
  const path = freshPath("trailers")
  await ds.create(path, { type: "text/plain" })
  const answer = await raw(open.url, chunked(path, body))
  expect(statusOf(answer)).toBe(400)
  expect(answer).toMatch(/\r\nConnection: close\r\n/)
  expect((await ds.read(path)).text).toBe("")
})
