// Rules of the protocol that its suite leaves out and servers get wrong.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { setups } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"

describe.each(setups)("protocol, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start()
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  test.each(["true", "TRUE", "True", "tRuE"])("Stream-Closed: %s closes, on PUT and on POST", async (value) => {
    const put = freshPath("closed")
    await ds.create(put, { headers: { "stream-closed": value } })
    expect((await ds.head(put)).headers.get("stream-closed")).toBe("true")
    const post = freshPath("closed")
    await ds.create(post)
    await ds.call("POST", post, { headers: { "stream-closed": value } })
    expect((await ds.append(post, "x")).status).toBe(409)
  })

  test.each(["false", "1", "yes", ""])("Stream-Closed: %j does not close", async (value) => {
    const path = freshPath("open")
    await ds.create(path, { headers: { "stream-closed": value } })
    expect((await ds.append(path, "x")).status).toBe(204)
  })

  test("closing changes the ETag, so that a cached answer does not hide the end", async () => {
    const path = freshPath("etag")
    await ds.create(path, { body: "x" })
    const open = await ds.read(path)
    const conditional = () => ds.call("GET", path, { query: "?offset=-1", headers: { "if-none-match": open.headers.get("etag") } })
    expect((await conditional()).status).toBe(304)
    await ds.close(path)
    const closed = await conditional()
    expect(closed.status).toBe(200)
    expect(closed.headers.get("stream-closed")).toBe("true")
    expect(closed.headers.get("etag")).not.toBe(open.headers.get("etag"))
  })

  test("an offset inside a record of bytes is a place, inside a JSON message it is not", async () => {
    const bytes = freshPath("inside")
    const { offset } = await ds.create(bytes, { body: "abcdef" })
    // Positions are doubled in offsets.
    const at = (tail, position) => tail.slice(0, 17) + String(2 * position).padStart(16, "0")
    const inside = at(offset, 2)
    expect((await ds.read(bytes, inside)).text).toBe("cdef")
    const json = freshPath("inside")
    const created = await ds.create(json, { type: "application/json", body: '["abcdef"]' })
    const refused = await ds.read(json, at(created.offset, 2))
    expect(refused.status).toBe(400)
    expect(JSON.parse(refused.text).code).toBe("invalid-offset")
  })

  test("producer numbers up to 2^53-1 are kept exactly, larger ones refused", async () => {
    const path = freshPath("numbers")
    await ds.create(path)
    const largest = String(2n ** 53n - 1n)
    const accepted = await ds.produce(path, "p", largest, 0, "x")
    expect(accepted.status).toBe(200)
    expect(accepted.headers.get("producer-epoch")).toBe(largest)
    for (const tooLarge of ["9007199254740992", "18446744073709551616", "99999999999999999999999"]) {
      expect((await ds.produce(path, "q", tooLarge, 0, "x")).status).toBe(400)
      expect((await ds.produce(path, "q", 0, tooLarge, "x")).status).toBe(400)
    }
    expect((await ds.read(path)).text).toBe("x")
  })

  test.each(["-1", "+1", "1.0", "0x1", "01x", " ", "1e3"])("the producer epoch %j is refused", async (epoch) => {
    const path = freshPath("numbers")
    await ds.create(path)
    expect((await ds.produce(path, "p", epoch, 0, "x")).status).toBe(400)
    expect((await ds.read(path)).text).toBe("")
  })

  test("producer headers in part are refused", async () => {
    const path = freshPath("partial")
    await ds.create(path)
    const complete = { "producer-id": "p", "producer-epoch": "0", "producer-seq": "0" }
    for (const missing of Object.keys(complete)) {
      const { [missing]: _, ...headers } = complete
      const refused = await ds.append(path, "x", { headers })
      expect(refused.status).toBe(400)
      expect(JSON.parse(refused.text).code).toBe("invalid-header")
    }
    expect((await ds.read(path)).text).toBe("")
  })

  test("two expiry headers, or a malformed one, are refused and create nothing", async () => {
    const future = new Date(Date.now() + 60_000).toISOString()
    for (const headers of [{ "stream-ttl": "60", "stream-expires-at": future }, { "stream-ttl": "060" }, { "stream-ttl": "-1" }, { "stream-ttl": "1.5" }, { "stream-expires-at": "tomorrow" }]) {
      const path = freshPath("expiry")
      expect((await ds.create(path, { headers })).status).toBe(400)
      expect((await ds.head(path)).status).toBe(404)
    }
  })

  test("an offset of a deleted stream is gone, not a place in its successor", async () => {
    const path = freshPath("again")
    const first = await ds.create(path, { body: "first" })
    await ds.remove(path)
    const second = await ds.create(path, { body: "second" })
    expect(second.status).toBe(201)
    for (const mode of ["", "&live=long-poll", "&live=sse"]) {
      const refused = await ds.read(path, first.offset, mode)
      expect(refused.status).toBe(410)
      expect(JSON.parse(refused.text).code).toBe("offset-gone")
    }
    expect((await ds.read(path)).text).toBe("second")
    expect(second.offset > first.offset).toBe(true)
  })

  test.each(["", "abc", "-2", "NOW", "0", "0_0", "%00", "1,2", "0000000000000000-0000000000000000", "000000000000000G_0000000000000000", "0000000000000001_FFFFFFFFFFFFFFFF", "９"])(
    "the offset %j is refused",
    async (offset) => {
      const path = freshPath("offset")
      await ds.create(path, { body: "x" })
      const refused = await ds.read(path, offset)
      expect(refused.status).toBe(400)
      expect(refused.headers.get("content-type")).toBe("application/problem+json")
    }
  )

  test("an error says what is wrong, in the same shape everywhere", async () => {
    const missing = await ds.read(freshPath("nothing"))
    expect(missing.status).toBe(404)
    expect(missing.headers.get("content-type")).toBe("application/problem+json")
    expect(JSON.parse(missing.text)).toMatchObject({ status: 404, code: "stream-not-found", title: expect.any(String) })
    expect(missing.headers.get("x-content-type-options")).toBe("nosniff")
  })

  test("deep JSON is accepted up to the documented depth and refused beyond", async () => {
    const path = freshPath("deep")
    await ds.create(path, { type: "application/json" })
    const nested = (depth) => "[".repeat(depth) + "]".repeat(depth)
    expect((await ds.append(path, nested(1000), { type: "application/json" })).status).toBe(204)
    const refused = await ds.append(path, nested(100_000), { type: "application/json" })
    expect(refused.status).toBe(400)
    expect(JSON.parse(refused.text).code).toBe("invalid-json")
  })

  test("a browser on another origin may call, and sees the protocol's headers", async () => {
    const path = freshPath("cors")
    await ds.create(path, { body: "x" })
    const preflight = await ds.call("OPTIONS", path, { headers: { origin: "https://app.example", "access-control-request-method": "POST" } })
    expect(preflight.status).toBe(204)
    for (const name of ["Producer-Id", "Producer-Epoch", "Producer-Seq", "Stream-Seq", "Stream-TTL", "Stream-Closed", "If-None-Match", "Authorization"]) {
      expect(preflight.headers.get("access-control-allow-headers").toLowerCase()).toContain(name.toLowerCase())
    }
    const read = await ds.call("GET", path, { query: "?offset=-1", headers: { origin: "https://app.example" } })
    expect(read.headers.get("access-control-allow-origin")).toBe("*")
    for (const name of ["Stream-Next-Offset", "Stream-Up-To-Date", "Stream-Closed", "Stream-Cursor", "ETag"]) {
      expect(read.headers.get("access-control-expose-headers").toLowerCase()).toContain(name.toLowerCase())
    }
  })

  test("methods beyond the protocol's are refused with those that are allowed", async () => {
    const refused = await ds.call("PATCH", freshPath("method"), { body: "x" })
    expect(refused.status).toBe(405)
    expect(refused.headers.get("allow")).toBe("GET, HEAD, POST, PUT, DELETE, OPTIONS")
  })

  test("more streams than a process may have files", async () => {
    const count = 3_000
    const prefix = freshPath("many")
    for (let i = 0; i < count; i += 100) {
      const made = await Promise.all(Array.from({ length: 100 }, (_, j) => ds.create(`${prefix}/${i + j}`, { body: String(i + j) })))
      for (const { status } of made) expect(status).toBe(201)
    }
    for (const i of [0, 1, 1_499, count - 1]) expect((await ds.read(`${prefix}/${i}`)).text).toBe(String(i))
  })
})
