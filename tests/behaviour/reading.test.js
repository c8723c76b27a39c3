// Reads to the letter of RFC 9110: HEAD, conditions, codings, methods; over both HTTP versions.
import { spawnSync } from "node:child_process"
import zlib from "node:zlib"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { setups } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"
import { inEach, statusWithLines } from "../harness/versions.js"

const text = { "content-type": "text/plain" }
const words = "compress me ".repeat(2_000)
const codings = ["gzip", "br", "zstd"]
/** The body as curl decodes it. */
const decoded = (url, coding) => spawnSync("curl", ["-s", "--compressed", "-H", `Accept-Encoding: ${coding}`, url]).stdout

describe.each(inEach(setups))("reading, %s, %s", (_name, version, start, open) => {
  let server, ds, client, root
  beforeAll(async () => {
    server = await start(["--long-poll-timeout", "500ms"], ["--registry"])
    ds = streams(server.url)
    const url = new URL(server.url)
    client = open(url.origin)
    root = url.pathname
  })
  afterAll(async () => {
    client.close()
    await server.stop()
  })
  const ask = (method, path, options) => client.ask(method, root + path, options)
  const get = (path, headers = {}, query = "?offset=-1") => ask("GET", path + query, { headers })
  const written = async (body = words, type = "text/plain") => {
    const path = freshPath("reading")
    await ds.create(path, { type, body })
    return path
  }

  describe("HEAD", () => {
    test("says no length of a stream, and GET's entity tag", async () => {
      const path = await written()
      const head = await ask("HEAD", path)
      const got = await get(path)
      expect(head.status).toBe(200)
      expect(head.body.length).toBe(0)
      expect(got.headers["content-length"]).toBe(String(words.length))
      expect([undefined, got.headers["content-length"]]).toContain(head.headers["content-length"])
      for (const name of ["content-type", "etag", "stream-next-offset"]) expect(head.headers[name], name).toBe(got.headers[name])
    })

    test("has an entity tag that changes with data and with closing, and can be asked for by condition", async () => {
      const path = await written("one")
      const tags = [(await ask("HEAD", path)).headers.etag]
      await ds.append(path, "two", { type: "text/plain" })
      tags.push((await ask("HEAD", path)).headers.etag)
      expect((await ask("HEAD", path, { headers: { "if-none-match": tags[1] } })).status).toBe(304)
      expect((await ask("HEAD", path, { headers: { "if-none-match": "*" } })).status).toBe(304)
      expect((await ask("HEAD", path, { headers: { "if-none-match": tags[0] } })).status).toBe(200)
      await ds.close(path)
      tags.push((await ask("HEAD", path)).headers.etag)
      expect(new Set(tags).size).toBe(3)
    })

    test("of an error has the headers of GET's and no body", async () => {
      for (const path of [freshPath("nothing"), "a/../b", "__ds/nothing"]) {
        const got = await get(path)
        const head = await ask("HEAD", path)
        expect(head.status, path).toBe(got.status)
        expect(head.body.length).toBe(0)
        for (const name of ["content-type", "cache-control", "content-length"]) expect(head.headers[name], name).toBe(got.headers[name])
      }
    })

    test("works below __ds and on the registry, where GET does", async () => {
      const subscription = `__ds/subscriptions/${freshPath("sub")}`
      const made = await ask("PUT", subscription, { headers: { "content-type": "application/json" }, body: JSON.stringify({ type: "pull-wake", pattern: "x/*", wake_stream: "wake" }) })
      expect(made.status).toBe(201)
      for (const path of [subscription, "__ds/jwks.json"]) {
        const got = await ask("GET", path)
        const head = await ask("HEAD", path)
        expect([got.status, head.status], path).toEqual([200, 200])
        expect(head.body.length).toBe(0)
        for (const name of ["content-type", "cache-control", "content-length"]) expect(head.headers[name], name).toBe(got.headers[name])
      }
      expect((await ask("HEAD", "__registry__")).status).toBe(200)
    })
  })

  describe("If-None-Match", () => {
    test("304 has what a cache needs: ETag, Cache-Control, Vary, Date", async () => {
      const path = await written()
      const got = await get(path)
      const same = await get(path, { "if-none-match": got.headers.etag })
      expect(same.status).toBe(304)
      expect(same.body.length).toBe(0)
      expect(same.headers["content-length"]).toBeUndefined()
      expect(same.headers.date).toMatch(/GMT$/)
      for (const name of ["etag", "cache-control", "vary", "stream-next-offset", "stream-up-to-date"]) expect(same.headers[name], name).toBe(got.headers[name])
      expect(same.headers.vary).toMatch(/accept-encoding/i)
    })

    test("on several lines is one list", async () => {
      const asked = (path, values) => statusWithLines(version, server.url + path, values.map((value) => `If-None-Match: ${value}`))
      const path = await written()
      const { etag } = (await get(path)).headers
      for (const lines of [['"a"', etag], [etag, '"a"'], ['"a", "b"', `"c", W/${etag}`], ['"x,y"', etag], ['"a"', "*"]]) {
        expect(asked(path, lines), lines.join(" | ")).toBe(304)
      }
      expect(asked(path, ['"a"', '"b"'])).toBe(200)
    })

    test("names an answer in a coding that the client takes, and no other", async () => {
      const path = await written()
      const packed = (await get(path, { "accept-encoding": "gzip" })).headers.etag
      const plain = (await get(path)).headers.etag
      expect(packed).not.toBe(plain)
      expect((await get(path, { "if-none-match": packed, "accept-encoding": "gzip" })).headers.etag).toBe(packed)
      expect((await get(path, { "if-none-match": plain, "accept-encoding": "gzip" })).status).toBe(304)
      // A cache in between may ask with what it has: this client could not read it.
      expect((await get(path, { "if-none-match": packed })).status).toBe(200)
      expect((await get(path, { "if-none-match": packed, "accept-encoding": "br" })).status).toBe(200)
    })

    test("holds for long-polls that would be answered at once, with a cursor", async () => {
      const path = await written("one")
      const first = await get(path, {}, "?offset=-1&live=long-poll")
      expect(first.status).toBe(200)
      const same = await get(path, { "if-none-match": first.headers.etag }, "?offset=-1&live=long-poll")
      expect(same.status).toBe(304)
      expect(same.headers["stream-cursor"]).toMatch(/^\d+$/)
      expect(same.headers["stream-next-offset"]).toBe(first.headers["stream-next-offset"])
      await ds.append(path, "two", { type: "text/plain" })
      const more = await get(path, { "if-none-match": first.headers.etag }, "?offset=-1&live=long-poll")
      expect([more.status, more.body.toString()]).toEqual([200, "onetwo"])
    })

    test("conditions on dates and on ranges are ignored: there are no dates, and no ranges", async () => {
      const path = await written("whole")
      const later = new Date(Date.now() + 86_400_000).toUTCString()
      const { etag } = (await get(path)).headers
      for (const headers of [{ "if-modified-since": later }, { "if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT" }, { range: "bytes=1-2" }, { range: "bytes=1-2", "if-range": etag }, { "if-modified-since": later, "if-none-match": '"a"' }]) {
        const got = await get(path, headers)
        expect([got.status, got.body.toString()], JSON.stringify(headers)).toEqual([200, "whole"])
      }
    })
  })

  describe("Accept-Encoding", () => {
    const sent = async (path, value) => {
      const got = await get(path, value === undefined ? {} : { "accept-encoding": value })
      return got.headers["content-encoding"] ?? got.status
    }

    test("each coding gives the body back, with an entity tag of its own", async () => {
      const path = await written()
      const tags = new Set([(await get(path)).headers.etag])
      for (const coding of codings) {
        const got = await get(path, { "accept-encoding": coding })
        expect(got.headers["content-encoding"]).toBe(coding)
        expect(got.headers.vary).toMatch(/accept-encoding/i)
        expect(Number(got.headers["content-length"])).toBe(got.body.length)
        expect(got.body.length).toBeLessThan(words.length / 10)
        expect(decoded(server.url + path, coding).toString()).toBe(words)
        tags.add(got.headers.etag)
        expect((await get(path, { "accept-encoding": coding, "if-none-match": got.headers.etag })).status).toBe(304)
      }
      expect(tags.size).toBe(4)
    })

    test.each([
      [undefined, 200],
      ["", 200],
      ["gzip, deflate, br, zstd", "zstd"],
      ["gzip, br", "br"],
      ["GZip", "gzip"],
      ["gzip;Q=1", "gzip"],
      ["X-GZIP", "gzip"],
      ["br ; q=0.2 ,\tgzip ; q=0.8", "gzip"],
      ["gzip;q=0", 200],
      ["gzip;q=0.000, br;q=0", 200],
      ["gzip;q=0.001", "gzip"],
      ["identity, gzip;q=0.5", 200],
      ["identity;q=0.5, gzip", "gzip"],
      ["*", "gzip"],
      ["*;q=0, identity", 200],
      ["gzip;q=0, *;q=0.1", "zstd"],
      ["identity;q=0", 406],
      ["*;q=0", 406],
      ["deflate, identity;q=0", 406],
    ])("%j gives %j", async (value, result) => {
      expect(await sent(await written(), value)).toBe(result)
    })

    test("what refuses identity gets another coding, whatever the size", async () => {
      const path = await written("x")
      const got = await get(path, { "accept-encoding": "gzip, identity;q=0" })
      expect([got.status, got.headers["content-encoding"], zlib.gunzipSync(got.body).toString()]).toEqual([200, "gzip", "x"])
      const refused = await get(path, { "accept-encoding": "identity;q=0" })
      expect([refused.status, JSON.parse(refused.body).code]).toEqual([406, "not-acceptable"])
    })

    test("small bodies, bodies that do not shrink, and live answers are sent as they are", async () => {
      expect(await sent(await written("small"), "gzip")).toBe(200)
      const path = freshPath("reading")
      const noise = Buffer.from(Array.from({ length: 300_000 }, () => Math.floor(Math.random() * 256)))
      await ds.create(path, { body: noise })
      for (const coding of codings) {
        const got = await get(path, { "accept-encoding": coding })
        expect(got.headers["content-encoding"], coding).toBeUndefined()
        expect(got.body.equals(noise)).toBe(true)
      }
      const live = await get(await written(), { "accept-encoding": "gzip, identity;q=0" }, "?offset=-1&live=long-poll")
      expect([live.status, live.headers["content-encoding"]]).toEqual([200, undefined])
    })
  })

  describe("methods", () => {
    const all = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
    const resources = [
      ["a/stream", all],
      ["__registry__", "GET, HEAD, OPTIONS"],
      ["__ds/jwks.json", "GET, HEAD, OPTIONS"],
      ["__ds/subscriptions/s", "GET, HEAD, PUT, DELETE, OPTIONS"],
      ["__ds/subscriptions/s/streams", "POST, OPTIONS"],
      ["__ds/subscriptions/s/streams/a/stream", "DELETE, OPTIONS"],
      ["__ds/subscriptions/s/callback", "POST, OPTIONS"],
      ["__ds/subscriptions/s/claim", "POST, OPTIONS"],
      ["__ds/subscriptions/s/ack", "POST, OPTIONS"],
      ["__ds/subscriptions/s/release", "POST, OPTIONS"],
    ]

    test.each(resources)("OPTIONS and 405 of %s allow %s", async (path, allow) => {
      const options = await ask("OPTIONS", path)
      expect([options.status, options.headers.allow]).toEqual([204, allow])
      for (const method of ["PATCH", "TRACE", "GET", "HEAD", "POST", "DELETE"]) {
        if (allow.split(", ").includes(method)) continue
        const refused = await ask(method, path, method === "POST" ? { headers: text, body: "{}" } : {})
        expect([refused.status, refused.headers.allow], method).toEqual([405, allow])
      }
    })

    test("OPTIONS of anything else allows what the server has", async () => {
      for (const path of ["/", "/elsewhere", "*"]) {
        const options = await client.ask("OPTIONS", path)
        expect([path, options.status, options.headers.allow]).toEqual([path, 204, all])
      }
    })

    test("a method that nobody knows gets 501", async () => {
      for (const method of ["PROPFIND", "REPORT"]) {
        const refused = await ask(method, "a/stream")
        expect([refused.status, JSON.parse(refused.body).code]).toEqual([501, "not-implemented"])
        expect(refused.headers.allow).toBeUndefined()
      }
    })
  })
})
