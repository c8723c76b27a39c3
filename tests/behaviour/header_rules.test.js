// What a request's header lines may say: fields that stand once, and the values of the protocol's own.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { curl, httpVersions } from "../harness/curl.js"
import { setups } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"

const future = "2099-01-01T00:00:00Z"
// Two values for each field, both of which would do alone.
const single = {
  "Content-Type": ["text/plain", "application/json"],
  "Stream-TTL": ["60", "600"],
  "Stream-Expires-At": [future, "2098-01-01T00:00:00Z"],
  "Stream-Closed": ["true", "false"],
  "Stream-Seq": ["a", "b"],
  "Stream-Forked-From": ["/v1/stream/a", "/v1/stream/b"],
  "Stream-Fork-Offset": ["0000000000000000_0000000000000000", "0000000000000001_0000000000000000"],
  "Stream-Fork-Sub-Offset": ["0", "1"],
  "Stream-Unheard-Of": ["1", "2"],
  "Producer-Id": ["p", "q"],
  "Producer-Epoch": ["0", "1"],
  "Producer-Seq": ["0", "1"],
  "If-Unmodified-Since": ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"],
  "If-Modified-Since": ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"],
  Authorization: ["Bearer a", "Bearer b"],
  Origin: ["https://a.example", "https://b.example"],
  "Last-Event-ID": ["a", "b"],
}

describe.each(setups)("fields that stand once, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start()
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  describe.each(httpVersions)("%s", (_version, version) => {
    test.each(Object.keys(single))("%s with two values is refused, with one value twice it is not", async (name) => {
      const path = freshPath("once")
      await ds.create(path, { type: "text/plain", body: "before" })
      const [one, other] = single[name]
      const request = (values) => curl(version, "POST", server.url + path, { headers: [["Content-Type", "text/plain"], ...values.map((value) => [name, value])].slice(name === "Content-Type" ? 1 : 0), body: "x" })
      const refused = await request([one, other])
      expect([refused.status, refused.code, refused.detail]).toEqual([400, "invalid-header", `${name.toLowerCase()} stands several times with different values`])
      expect((await ds.read(path)).text).toBe("before")
      expect((await request([one, one])).detail ?? "").not.toContain("several times")
    })

    test.each(["PUT", "POST", "GET", "HEAD", "DELETE", "OPTIONS"])("%s with two Stream-Closed or Content-Type is refused", async (method) => {
      const path = freshPath("once")
      await ds.create(path, { type: "text/plain", body: "before" })
      for (const name of ["Stream-Closed", "Content-Type"]) {
        const refused = await curl(version, method, server.url + path, { headers: single[name].map((value) => [name, value]) })
        expect(refused.status, name).toBe(400)
      }
      expect((await ds.read(path)).text).toBe("before")
    })

    test("the control API is held to it, too", async () => {
      const body = JSON.stringify({ type: "pull-wake", pattern: "once/**", wake_stream: "wakes" })
      const put = (...types) => curl(version, "PUT", `${server.url}__ds/subscriptions/${freshPath()}`, { headers: types.map((type) => ["Content-Type", type]), body })
      expect((await put("application/json")).status).toBe(201)
      expect((await put("application/json", "text/plain")).status).toBe(400)
    })

    test("fields that are lists may stand on several lines", async () => {
      const path = freshPath("once")
      await ds.create(path, { type: "text/plain" })
      const headers = [["Content-Type", "text/plain"], ["Accept", "text/plain"], ["Accept", "*/*"], ["X-Own", "1"], ["X-Own", "2"]]
      expect((await curl(version, "POST", server.url + path, { headers, body: "x" })).status).toBe(204)
    })
  })
})

const codeOf = (answer) => (answer.text ? JSON.parse(answer.text).code : undefined)

describe.each(setups)("values of the protocol's own, %s", (_name, start) => {
  let server, ds, host
  beforeAll(async () => {
    server = await start(["--public-url", "https://streams.example/base"])
    ds = streams(server.url)
    host = new URL(server.url).host
  })
  afterAll(() => server.stop())

  const expiring = async (value, path = freshPath("expires")) => [path, await ds.create(path, { headers: { "stream-expires-at": value } })]

  test.each(["2099-01-02T03:04:05Z", "2099-01-02t03:04:05.123456789z", "2099-01-02T03:04:05+23:59", "2099-01-02T03:04:05-00:00", "2098-12-31T23:59:60Z", "2096-02-29T00:00:00Z", "9999-12-31T23:59:59Z"])("Stream-Expires-At: %s is RFC 3339, and the same again", async (value) => {
    const [path, made] = await expiring(value)
    expect(made.status).toBe(201)
    expect((await ds.head(path)).headers.get("stream-expires-at")).toBe(value)
    expect((await expiring(value, path))[1].status).toBe(200)
    expect((await expiring("2097-01-02T03:04:05Z", path))[1].status).toBe(409)
  })

  test.each(["99-01-01T00:00:00Z", "099-01-01T00:00:00Z", "12099-01-01T00:00:00Z", "+2099-01-01T00:00:00Z", "2099-1-1T00:00:00Z", "2099-02-29T00:00:00Z", "2099-04-31T00:00:00Z", "2099-01-01 00:00:00Z", "2099-01-01T00:00:00", "2099-01-01T24:00:00Z", "2099-01-01T00:00:60Z", "2099-01-01T00:00:00+24:00", "2099-01-01T00:00:00+0000", "2099-01-01T00:00:00.Z", "2099-01-01", "infinite-future", "1893456000"])("Stream-Expires-At: %s is none", async (value) => {
    const [path, refused] = await expiring(value)
    expect([refused.status, codeOf(refused)]).toEqual([400, "invalid-header"])
    expect((await ds.head(path)).status).toBe(404)
  })

  test.each(["1999-12-31T23:59:59Z", "0099-01-01T00:00:00Z", "0000-01-01T00:00:00Z"])("a stream that has expired before it is there (%s) is not created", async (value) => {
    const [path, refused] = await expiring(value)
    expect([refused.status, codeOf(refused)]).toEqual([400, "invalid-header"])
    expect(refused.text).toContain("has passed")
    expect((await ds.head(path)).status).toBe(404)
  })

  test("a cursor goes strictly up, or is refused", async () => {
    const path = freshPath("cursor")
    await ds.create(path, { body: "x" })
    for (const live of ["long-poll", "sse"]) {
      const poll = (cursor) => ds.call("GET", path, { query: `?offset=-1&live=${live}&cursor=${cursor}`, signal: AbortSignal.timeout(300) }).catch(() => undefined)
      if (live === "long-poll") {
        for (const cursor of [0n, 1000n, 10n ** 15n, 2n ** 63n, 2n ** 64n - 200n, 2n ** 64n - 2n]) {
          const answer = await poll(cursor)
          expect(BigInt(answer.headers.get("stream-cursor"))).toBeGreaterThan(cursor)
        }
      }
      for (const cursor of ["18446744073709551615", "18446744073709551616", "99999999999999999999999999", "abc", "", "-1", "1e3", "1&cursor=2"]) {
        const refused = await poll(cursor)
        expect([refused.status, codeOf(refused)], cursor).toEqual([400, "invalid-query"])
      }
    }
  })

  test("a fork's source is a path or a URL of this server", async () => {
    const source = freshPath("source")
    await ds.create(source, { type: "text/plain", body: "data" })
    const path = `/v1/stream/${source}`
    for (const from of [path, `http://${host}${path}`, `https://${host}${path}`, `//${host}${path}`, `HTTP://${host.toUpperCase()}${path}`, `https://streams.example/base${path}`, `https://STREAMS.example:443/base${path}`]) {
      const fork = freshPath("fork")
      expect((await ds.fork(fork, from)).status, from).toBe(201)
      expect((await ds.read(fork)).text).toBe("data")
    }
    for (const from of [`http://other.example${path}`, `http://other.example:4437${path}`, `http://${host}0${path}`, `//other.example${path}`, `https://user@${host}${path}`, `ftp://${host}${path}`, `http://streams.example/base${path}`, `https://streams.example${path}`, `http:///${path}`]) {
      const fork = freshPath("fork")
      const refused = await ds.fork(fork, from)
      expect([refused.status, codeOf(refused)], from).toEqual([400, "invalid-header"])
      expect((await ds.head(fork)).status).toBe(404)
    }
  })

  // What is wrong with the stream is said before what is wrong with the body.
  test.each(["[]", "{", "[1,]", '"x"', "\xff"])("JSON %j to a stream that is closed, of another type, or not there", async (body) => {
    const json = (path, headers) => ds.append(path, body, { type: "application/json", headers })
    const path = freshPath("order")
    expect(codeOf(await json(path))).toBe("stream-not-found")
    await ds.create(path, { type: "text/plain", body: "x" })
    expect(codeOf(await json(path))).toBe("content-type-mismatch")
    expect(codeOf(await json(path, { "stream-closed": "true" }))).toBe("content-type-mismatch")
    await ds.close(path)
    const closed = await json(path)
    expect([closed.status, codeOf(closed), closed.headers.get("stream-closed"), closed.offset]).toEqual([409, "stream-closed", "true", (await ds.head(path)).offset])
    await ds.fork(freshPath("fork"), `/v1/stream/${path}`)
    await ds.remove(path)
    expect(codeOf(await json(path))).toBe("stream-gone")
  })

  test("JSON that is none to an open JSON stream is 400 and changes nothing", async () => {
    const path = freshPath("order")
    await ds.create(path, { type: "application/json", body: "[1]" })
    for (const body of ["[]", "{", "[1,]"]) {
      const refused = await ds.append(path, body, { type: "application/json", headers: { "stream-closed": "true", "producer-id": "p", "producer-epoch": "0", "producer-seq": "0" } })
      expect([refused.status, codeOf(refused)]).toEqual([400, "invalid-json"])
    }
    expect((await ds.append(path, "2", { type: "application/json", headers: { "producer-id": "p", "producer-epoch": "0", "producer-seq": "0" } })).status).toBe(200)
    expect((await ds.read(path)).text).toBe("[1,2]")
  })
})
