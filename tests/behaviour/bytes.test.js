// What a client stored is what it gets back, byte for byte, whatever the path and the framing.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { setups } from "../harness/setups.js"
import { freshPath, raw, sse, statusOf, streams } from "../harness/streams.js"

describe.each(setups)("bytes, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start(["--max-chunk-bytes", "64KiB"])
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  test("JSON keeps numbers, key order, escapes and spaces within a message", async () => {
    const path = freshPath("json")
    await ds.create(path, { type: "application/json" })
    const messages = ["12345678901234567890", "1e400", '{"z": 1,"a":2,"z":3}', '"\\u00e9\\/\\ud800"', "[ 1 , [ ] ]", "-0.0", "null"]
    for (const message of messages) expect((await ds.append(path, `[${message}]`, { type: "application/json" })).status).toBe(204)
    expect((await ds.read(path)).text).toBe(`[${messages.join(",")}]`)
  })

  test("one level of array is flattened, the next is kept", async () => {
    const path = freshPath("json")
    await ds.create(path, { type: "application/json", body: "[1,2]" })
    await ds.append(path, "[[3,4],[]]", { type: "application/json" })
    expect((await ds.read(path)).text).toBe("[1,2,[3,4],[]]")
  })

  test("every byte value survives catch-up and base64 events", async () => {
    const path = freshPath("bytes")
    const bytes = Buffer.from(Array.from({ length: 1024 }, (_, i) => i & 255))
    await ds.create(path)
    await ds.append(path, bytes)
    expect((await ds.read(path)).body.equals(bytes)).toBe(true)
    const events = await sse(`${server.url}${path}?offset=-1&live=sse`)
    await events.until(() => events.data().length === 1)
    events.close()
    expect(Buffer.from(events.data()[0], "base64").equals(bytes)).toBe(true)
  })

  test("lines of text survive server-sent events", async () => {
    const path = freshPath("text")
    await ds.create(path, { type: "text/plain", body: "a\nb\n\nc: d\n" })
    const events = await sse(`${server.url}${path}?offset=-1&live=sse`)
    await events.until(() => events.data().length === 1)
    events.close()
    expect(events.data()[0]).toBe("a\nb\n\nc: d\n")
  })

  test("a body in chunks is stored, on PUT and on POST", async () => {
    const path = freshPath("chunked")
    const chunked = (parts) =>
      new ReadableStream({
        async start(controller) {
          for (const part of parts) {
            controller.enqueue(new TextEncoder().encode(part))
            await new Promise((resolve) => setTimeout(resolve, 5))
          }
          controller.close()
        },
      })
    const created = await ds.create(path, { body: chunked(["created ", "in ", "parts;"]) })
    expect(created.status).toBe(201)
    const appended = await ds.append(path, chunked(["appended ", "too"]))
    expect(appended.status).toBe(204)
    expect((await ds.read(path)).text).toBe("created in parts;appended too")
  })

  test("a body that breaks off leaves nothing", async () => {
    const path = freshPath("cut")
    await ds.create(path)
    const { pathname } = new URL(server.url + path)
    const head = `POST ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n`
    const lengths = await raw(server.url, `${head}Content-Length: 100\r\n\r\nonly this`, { half: true })
    const chunks = await raw(server.url, `${head}Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n`, { half: true })
    for (const answer of [lengths, chunks]) expect(answer === "" || statusOf(answer) >= 400).toBe(true)
    expect((await ds.read(path)).text).toBe("")
  })

  test.each([300, 1000, 2048])("a path of %i bytes works", async (size) => {
    const path = `${freshPath("long")}/${"p".repeat(size)}`.slice(0, size)
    expect((await ds.create(path, { body: "x" })).status).toBe(201)
    expect((await ds.append(path, "y")).status).toBe(204)
    expect((await ds.read(path)).text).toBe("xy")
    expect((await ds.remove(path)).status).toBe(204)
  })

  test("a path beyond the limit is refused with a reason", async () => {
    const refused = await ds.create("p".repeat(2049))
    expect(refused.status).toBe(400)
    expect(JSON.parse(refused.text).code).toBe("invalid-path")
  })

  test("percent-encoded and plain spellings of a path are one stream", async () => {
    const path = freshPath("enc")
    await ds.create(`${path}/%C3%A4%20b`, { body: "x" })
    expect((await ds.read(`${path}/%c3%a4%20b`)).text).toBe("x")
    expect((await ds.read(`${path}/ä b`)).text).toBe("x")
    expect((await ds.read(`${path}/a%20b`)).status).toBe(404)
    expect((await ds.head(`${path}%2F%C3%A4%20b`)).status).toBe(200)
  })

  test.each(["a/%00b", "a/%ff", "a/%2e%2e/b", "%2e", "a/%zz", "a/%0a"])("the path %s is refused", async (path) => {
    const { pathname } = new URL(server.url)
    const answer = await raw(server.url, `PUT ${pathname}${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
    expect(statusOf(answer)).toBe(400)
    expect(answer).toContain('"code":"invalid-path"')
  })

  test("a response is bounded and goes on at its next offset", async () => {
    const path = freshPath("bounded")
    const part = Buffer.alloc(50_000, "abcdefg")
    await ds.create(path)
    for (let i = 0; i < 5; i++) await ds.append(path, part)
    const first = await ds.read(path)
    expect(first.body.length).toBe(65_536)
    expect(first.headers.get("stream-up-to-date")).toBeNull()
    expect((await ds.all(path)).equals(Buffer.concat(Array(5).fill(part)))).toBe(true)
  })

  test("a bounded JSON response holds whole messages", async () => {
    const path = freshPath("bounded-json")
    await ds.create(path, { type: "application/json" })
    const message = (i) => JSON.stringify({ i, padding: "x".repeat(9_000) })
    for (let i = 0; i < 20; i++) await ds.append(path, message(i), { type: "application/json" })
    const seen = []
    for (let offset = "-1", done = false; !done; ) {
      const response = await ds.read(path, offset)
      expect(response.body.length).toBeLessThanOrEqual(65_536 + 100)
      seen.push(...JSON.parse(response.text))
      offset = response.offset
      done = response.headers.get("stream-up-to-date") === "true"
    }
    expect(seen.map((item) => item.i)).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })

  test("a compressed response is the same", async () => {
    const path = freshPath("gzip")
    const body = "compress me ".repeat(2_000)
    await ds.create(path, { type: "text/plain", body })
    const packed = await ds.call("GET", path, { query: "?offset=-1", headers: { "accept-encoding": "gzip" } })
    expect(packed.headers.get("content-encoding")).toBe("gzip")
    expect(packed.headers.get("vary")).toMatch(/accept-encoding/i)
    expect(packed.text).toBe(body)
    const plain = await ds.call("GET", path, { query: "?offset=-1", headers: { "accept-encoding": "identity" } })
    expect(plain.headers.get("content-encoding")).toBeNull()
    expect(plain.text).toBe(body)
  })
})
