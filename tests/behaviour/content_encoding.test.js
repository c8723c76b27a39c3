// Encoded request bodies: what is stored is what the client encoded, or nothing.
import { deflateSync, gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { curl, httpVersions } from "../harness/curl.js"
import { startServer } from "../harness/server.js"
import { setups } from "../harness/setups.js"
import { freshPath, streams, until } from "../harness/streams.js"

const kMaxBody = 100_000
const text = Buffer.from("a text that gzip makes smaller, smaller, smaller and smaller again\n".repeat(100))
const header = (...values) => values.map((value) => ["Content-Encoding", value])
const typed = [["Content-Type", "text/plain"]]

describe.each(setups)("Content-Encoding, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start(["--max-append-bytes", String(kMaxBody)])
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  describe.each(httpVersions)("%s", (_version, version) => {
    const send = (method, path, encodings, body, more = {}) => curl(version, method, server.url + path, { headers: [...typed, ...header(...encodings)], body, ...more })

    test.each([
      ["gzip", gzipSync(text)],
      ["GZIP", gzipSync(text)],
      ["x-gzip", gzipSync(text)],
      ["deflate", deflateSync(text)],
      ["identity", text],
      ["identity, gzip", gzipSync(text)],
      ["gzip of several members", Buffer.concat([gzipSync(text.subarray(0, 1000)), gzipSync(text.subarray(1000))]), "gzip"],
      ["gzip with a name and a comment", Buffer.concat([Buffer.from([31, 139, 8, 24, 0, 0, 0, 0, 0, 3]), Buffer.from("name\0comment\0"), gzipSync(text).subarray(10)]), "gzip"],
    ])("%s is decoded, on PUT and on POST", async (name, body, encoding = name) => {
      const path = freshPath("coded")
      expect((await send("PUT", path, [encoding], body)).status).toBe(201)
      expect((await send("POST", path, [encoding], body)).status).toBe(204)
      expect((await ds.read(path)).body.equals(Buffer.concat([text, text]))).toBe(true)
    })

    test("a body whose length is not announced is decoded", async () => {
      const path = freshPath("coded")
      expect((await send("PUT", path, ["gzip"], gzipSync(text), { chunked: true })).status).toBe(201)
      expect((await send("POST", path, ["gzip"], gzipSync(text), { chunked: true })).status).toBe(204)
      expect((await ds.read(path)).body.equals(Buffer.concat([text, text]))).toBe(true)
    })

    test("JSON is split into messages after it is decoded", async () => {
      const path = freshPath("coded")
      await ds.create(path, { type: "application/json" })
      const headers = [["Content-Type", "application/json"], ...header("gzip")]
      expect((await curl(version, "POST", server.url + path, { headers, body: gzipSync("[1,[2],3]") })).status).toBe(204)
      expect((await ds.read(path)).text).toBe("[1,[2],3]")
    })

    test.each([
      ["an unknown one", ["zip"]],
      ["two", ["gzip, gzip"]],
      ["two on two lines", ["gzip", "deflate"]],
      ["one with parameters", ["gzip;q=1"]],
      ["aws-chunked and gzip", ["aws-chunked,gzip"]],
    ])("%s is 415, and says what is taken", async (_what, encodings) => {
      const path = freshPath("coded")
      const made = await send("PUT", path, encodings, gzipSync(text))
      expect([made.status, made.code]).toEqual([415, "unsupported-encoding"])
      expect(made.headers["accept-encoding"]).toBe("gzip, deflate")
      expect((await ds.head(path)).status).toBe(404)
      await ds.create(path, { type: "text/plain" })
      const appended = await send("POST", path, encodings, gzipSync(text))
      expect([appended.status, appended.code]).toEqual([415, "unsupported-encoding"])
      expect((await ds.read(path)).text).toBe("")
    })

    const good = gzipSync(text)
    const flipped = Buffer.from(good)
    flipped[good.length - 6] ^= 1 // of the CRC
    test.each([
      ["what is no gzip", text],
      ["a truncated body", good.subarray(0, good.length - 9)],
      ["a body without its last byte", good.subarray(0, good.length - 1)],
      ["a wrong checksum", flipped],
      ["more behind the end", Buffer.concat([good, Buffer.from("more")])],
      ["zlib's format", deflateSync(text)],
    ])("%s is 400", async (_what, body) => {
      const path = freshPath("coded")
      const made = await send("PUT", path, ["gzip"], body)
      expect([made.status, made.code]).toEqual([400, "bad-request"])
      expect((await ds.head(path)).status).toBe(404)
      await ds.create(path, { type: "text/plain" })
      const appended = await send("POST", path, ["gzip"], body)
      expect([appended.status, appended.code]).toEqual([400, "bad-request"])
      expect((await ds.read(path)).text).toBe("")
    })

    test("the limit holds for what is decoded: it itself is taken, a byte more is 413", async () => {
      const path = freshPath("coded")
      await ds.create(path, { type: "text/plain" })
      expect((await send("POST", path, ["gzip"], gzipSync(Buffer.alloc(kMaxBody, "x")))).status).toBe(204)
      for (const size of [kMaxBody + 1, 50_000_000]) {
        const refused = await send("POST", path, ["gzip"], gzipSync(Buffer.alloc(size, "x")))
        expect([refused.status, refused.code]).toEqual([413, "payload-too-large"])
        expect((await send("PUT", freshPath("coded"), ["gzip"], gzipSync(Buffer.alloc(size, "x")))).status).toBe(413)
      }
      expect((await ds.read(path)).body.length).toBe(kMaxBody)
    })

    test("without a body there is nothing to decode", async () => {
      const path = freshPath("coded")
      expect((await send("PUT", path, ["br"])).status).toBe(201)
      expect((await curl(version, "POST", server.url + path, { headers: [...header("gzip"), ["Stream-Closed", "true"]] })).status).toBe(204)
      const empty = freshPath("coded")
      await ds.create(empty, { type: "text/plain" })
      const nothing = await send("POST", empty, ["gzip"], gzipSync(""))
      expect([nothing.status, nothing.code]).toEqual([400, "empty-body"])
    })

    test("control requests are decoded, too", async () => {
      const config = JSON.stringify({ type: "pull-wake", pattern: "coded/**", wake_stream: freshPath("wakes") })
      const url = `${server.url}__ds/subscriptions/${freshPath()}`
      const put = (encoding, body) => curl(version, "PUT", url, { headers: [["Content-Type", "application/json"], ...header(encoding)], body })
      expect((await put("br", config)).status).toBe(415)
      expect((await put("gzip", config)).status).toBe(400)
      expect((await put("gzip", gzipSync(config))).status).toBe(201)
      expect((await curl(version, "POST", `${url}/streams`, { headers: header("gzip"), body: gzipSync(JSON.stringify({ streams: ["coded-a"] })) })).status).toBe(204)
    })
  })
})

test.each(httpVersions)("what is decoded counts as memory of bodies, %s", async (_version, version) => {
  const server = await startServer(["dev", "--max-append-bytes", "32MiB", "--max-buffered-bytes", "8MiB"])
  try {
    const ds = streams(server.url)
    const path = freshPath("coded")
    await ds.create(path, { type: "text/plain" })
    const send = (size) => curl(version, "POST", server.url + path, { headers: [...typed, ...header("gzip")], body: gzipSync(Buffer.alloc(size, "x")) })
    const refused = await send(16 << 20)
    expect([refused.status, refused.code]).toEqual([503, "overloaded"])
    expect((await send(4 << 20)).status).toBe(204)
    const buffered = async () => Number(/^durable_streams_http_buffered_body_bytes (\d+)/m.exec(await (await fetch(`${server.admin}/metrics`)).text())[1])
    await until(async () => (await buffered()) === 0)
  } finally {
    await server.stop()
  }
})

test("a bomb does not hold up others on its thread, and its memory is bounded", async () => {
  const server = await startServer(["dev", "--threads", "1", "--max-append-bytes", "64MiB"])
  try {
    const ds = streams(server.url)
    const path = freshPath("coded")
    await ds.create(path, { type: "text/plain" })
    const bomb = gzipSync(Buffer.alloc(512 << 20), { level: 9 })
    let slowest = 0
    let going = true
    const others = (async () => {
      while (going) {
        const begin = performance.now()
        await ds.head(path)
        slowest = Math.max(slowest, performance.now() - begin)
      }
    })()
    const resident = async () => Number(/^process_resident_memory_bytes (\S+)/m.exec(await (await fetch(`${server.admin}/metrics`)).text())[1])
    const before = await resident()
    const bombs = Promise.all(Array.from({ length: 4 }, () => ds.append(path, bomb, { type: "text/plain", headers: { "content-encoding": "gzip" } })))
    let most = 0
    let done = false
    bombs.finally(() => (done = true))
    while (!done) most = Math.max(most, await resident())
    for (const { status } of await bombs) expect(status).toBe(413)
    going = false
    await others
    // Four times the limit, and what four half-megabyte bodies take.
    expect(most - before).toBeLessThan((4 * 64 + 32) << 20)
    // Decoding 64 MiB at a stretch takes longer than this.
    expect(slowest).toBeLessThan(100)
  } finally {
    await server.stop()
  }
})
