// Conditions of writes (RFC 9110 section 13), and compare-and-append, which they give.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { curl, httpVersions } from "../harness/curl.js"
import { setups } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"

const quoted = (offset) => `"${offset}"`
const codeOf = (answer) => (answer.text ? JSON.parse(answer.text).code : undefined)

describe.each(setups)("conditions of writes, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start(["--max-chunk-bytes", "1000"])
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  const post = (path, condition, body = "x", headers = {}) => ds.append(path, body, { headers: { ...condition, ...headers } })
  const put = (path, condition, headers = {}) => ds.create(path, { headers: { ...condition, ...headers } })
  const remove = (path, condition) => ds.call("DELETE", path, { headers: condition })
  const close = (path, condition) => ds.call("POST", path, { headers: { "stream-closed": "true", ...condition } })

  /** A stream with some data, and the tags that its states have had. */
  async function stream(body = "data") {
    const path = freshPath("cond")
    const empty = await ds.create(path)
    const stale = quoted(empty.offset)
    const { offset } = await ds.append(path, body)
    const read = await ds.read(path)
    const head = await ds.head(path)
    return { path, offset, stale, staleEtag: head.headers.get("etag")?.replaceAll(offset, empty.offset), etag: read.headers.get("etag"), headEtag: head.headers.get("etag") }
  }
  /** That nothing was applied, and that the answer says where the stream stands. */
  async function expectRefused(answer, path, offset, text = "data") {
    expect([answer.status, codeOf(answer)]).toEqual([412, "precondition-failed"])
    expect(answer.offset).toBe(offset)
    expect(answer.headers.get("etag")).toBe((await ds.head(path)).headers.get("etag"))
    expect((await ds.all(path)).toString()).toBe(text)
    expect((await ds.head(path)).headers.get("stream-closed")).toBe(answer.headers.get("stream-closed"))
  }

  test("If-Match with a tag of the current state lets a write through", async () => {
    for (const write of [post, close, remove, put]) {
      for (const tag of ["etag", "headEtag", "offset"]) {
        const made = await stream()
        const value = tag === "offset" ? quoted(made.offset) : made[tag]
        const answer = await write(made.path, { "if-match": value })
        expect([answer.status, write.name, tag]).toEqual([write === put ? 200 : 204, write.name, tag])
      }
    }
  })

  test("If-Match with anything else refuses it, and nothing is applied", async () => {
    for (const write of [post, close, remove, put]) {
      const { path, offset, etag, stale, staleEtag } = await stream()
      const other = await stream()
      for (const value of [stale, staleEtag, other.etag, quoted(other.offset), `W/${etag}`, `W/${quoted(offset)}`, '"nothing-like-it"', '""', etag.replace('"', '"9'), etag.slice(0, -1) + ':c"']) {
        await expectRefused(await write(path, { "if-match": value }), path, offset)
      }
    }
  })

  test("If-Match is a list of which one has to match, on one line or several", async () => {
    const { path, offset, stale, staleEtag, etag } = await stream()
    await expectRefused(await post(path, { "if-match": `${stale}, ${staleEtag}` }), path, offset)
    expect((await post(path, { "if-match": `${stale} , "a,b",, ${etag}` })).status).toBe(204)
    for (const [, version] of httpVersions) {
      const made = await stream()
      const headers = [["Content-Type", "application/octet-stream"], ["If-Match", made.stale], ["If-Match", made.etag]]
      expect((await curl(version, "POST", server.url + made.path, { headers, body: "x" })).status).toBe(204)
      expect((await curl(version, "POST", server.url + made.path, { headers, body: "x" })).status).toBe(412)
    }
  })

  test("If-Match: * asks for a stream that is there", async () => {
    const { path } = await stream()
    const any = { "if-match": "*" }
    expect((await post(path, any)).status).toBe(204)
    expect((await put(path, any)).status).toBe(200)
    expect((await close(path, any)).status).toBe(204)
    expect((await remove(path, any)).status).toBe(204)
    // A stream that is missing is what POST and DELETE tell of first (RFC 9110 section 13.2.1).
    expect((await post(path, any)).status).toBe(404)
    expect((await remove(path, any)).status).toBe(404)
    for (const value of ["*", '"x"']) {
      const refused = await put(path, { "if-match": value })
      expect([refused.status, codeOf(refused), refused.offset, refused.headers.get("etag")]).toEqual([412, "precondition-failed", null, null])
    }
    expect((await ds.head(path)).status).toBe(404)
  })

  test("If-None-Match: * creates only what is not there", async () => {
    const path = freshPath("cond")
    const none = { "if-none-match": "*" }
    const made = await put(path, none)
    expect(made.status).toBe(201)
    await expectRefused(await put(path, none), path, made.offset, "")
    // Whatever it is created as.
    await expectRefused(await put(path, none, { "content-type": "text/plain" }), path, made.offset, "")
    await expectRefused(await post(path, none), path, made.offset, "")
    await expectRefused(await remove(path, none), path, made.offset, "")
    const both = await Promise.all(Array.from({ length: 8 }, () => put(`${path}-race`, none)))
    expect(both.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(412)])
  })

  test("If-None-Match with tags refuses when one of them matches, weakly too", async () => {
    const { path, offset, stale, etag } = await stream()
    for (const value of [etag, `W/${etag}`, quoted(offset), `${stale}, ${etag}`]) await expectRefused(await post(path, { "if-none-match": value }), path, offset)
    await expectRefused(await remove(path, { "if-none-match": etag }), path, offset)
    expect((await post(path, { "if-none-match": `${stale}, "other"` })).status).toBe(204)
  })

  test("both have to hold", async () => {
    const { path, offset, stale, etag } = await stream()
    await expectRefused(await post(path, { "if-match": etag, "if-none-match": etag }), path, offset)
    await expectRefused(await post(path, { "if-match": stale, "if-none-match": stale }), path, offset)
    expect((await post(path, { "if-match": etag, "if-none-match": stale })).status).toBe(204)
  })

  test("the tag of a part of a stream is none of the stream", async () => {
    const { path, offset } = await stream("x".repeat(2500))
    const part = await ds.read(path)
    expect(part.headers.get("stream-up-to-date")).toBe(null)
    await expectRefused(await post(path, { "if-match": part.headers.get("etag") }), path, offset, "x".repeat(2500))
    const middle = await ds.read(path, part.offset)
    const last = await ds.read(path, middle.offset)
    expect((await post(path, { "if-match": last.headers.get("etag") })).status).toBe(204)
  })

  test("closing changes the state", async () => {
    const { path, offset, etag } = await stream()
    await ds.close(path)
    const closed = (await ds.head(path)).headers.get("etag")
    expect(closed).not.toBe(etag)
    await expectRefused(await remove(path, { "if-match": etag }), path, offset)
    await expectRefused(await close(path, { "if-match": etag }), path, offset)
    expect((await close(path, { "if-match": closed })).status).toBe(204)
    expect((await remove(path, { "if-match": closed })).status).toBe(204)
  })

  test("a stream that was deleted and created anew has other tags, even when it is empty", async () => {
    const path = freshPath("cond")
    const first = await ds.create(path)
    const etag = (await ds.head(path)).headers.get("etag")
    await ds.remove(path)
    const second = await ds.create(path)
    await expectRefused(await post(path, { "if-match": etag }), path, second.offset, "")
    await expectRefused(await post(path, { "if-match": quoted(first.offset) }), path, second.offset, "")
  })

  test("a fork and its source have tags of their own", async () => {
    const { path, offset, etag } = await stream()
    const fork = freshPath("cond")
    await ds.fork(fork, new URL(server.url + path).pathname)
    const head = await ds.head(fork)
    expect(head.offset).toBe(offset) // the data is the source's
    expect(head.headers.get("etag")).not.toBe(etag)
    await expectRefused(await post(fork, { "if-match": etag }), fork, offset)
    expect((await post(fork, { "if-match": head.headers.get("etag") })).status).toBe(204)
  })

  test("tags of compressed answers name the same state", async () => {
    const path = freshPath("cond")
    await ds.create(path, { type: "text/plain" })
    await ds.append(path, "x".repeat(900), { type: "text/plain" })
    const read = await ds.call("GET", path, { headers: { "accept-encoding": "gzip" } })
    const value = read.headers.get("etag").replace(/;gzip"$|"$/, ';gzip"')
    expect((await post(path, { "if-match": value }, "y", { "content-type": "text/plain" })).status).toBe(204)
  })

  test("JSON, whose answers are arrays, goes by the same tags", async () => {
    const path = freshPath("cond")
    await ds.create(path, { type: "application/json", body: "[1,2]" })
    const etag = (await ds.read(path)).headers.get("etag")
    expect((await post(path, { "if-match": etag }, "[3]", { "content-type": "application/json" })).status).toBe(204)
    expect((await post(path, { "if-match": etag }, "[4]", { "content-type": "application/json" })).status).toBe(412)
    expect((await ds.read(path)).text).toBe("[1,2,3]")
  })

  test("append-and-close is one step under its condition", async () => {
    const { path, offset, stale, etag } = await stream()
    await expectRefused(await post(path, { "if-match": stale }, "end", { "stream-closed": "true" }), path, offset)
    const closed = await post(path, { "if-match": etag }, "end", { "stream-closed": "true" })
    expect([closed.status, closed.headers.get("stream-closed")]).toEqual([204, "true"])
    expect((await ds.read(path)).text).toBe("dataend")
  })

  test.each(["x", '"x', 'x"', '"a""b"', '*, "a"', '"a", *', "**", 'w/"a"', 'W"a"', '"a" "b"', '"a b"', "0000000000000001_0000000000000004"])("the list of tags %j is refused", async (value) => {
    const { path } = await stream()
    for (const name of ["if-match", "if-none-match"]) {
      for (const write of [post, put, close, remove]) {
        const refused = await write(path, { [name]: value })
        expect([refused.status, codeOf(refused)]).toEqual([400, "invalid-header"])
      }
    }
    expect((await ds.read(path)).text).toBe("data")
  })

  test("If-Unmodified-Since never holds, since modification times are not kept, and says so", async () => {
    const { path, offset, etag } = await stream()
    for (const date of ["Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "yesterday"]) {
      for (const write of [post, close, remove, put]) {
        const refused = await write(path, { "if-unmodified-since": date })
        await expectRefused(refused, path, offset)
        expect(JSON.parse(refused.text).detail).toContain("If-Match")
      }
    }
    expect((await put(freshPath("cond"), { "if-unmodified-since": "Fri, 31 Dec 9999 23:59:59 GMT" })).status).toBe(412)
    // If-Match takes its place (RFC 9110 section 13.1.4).
    expect((await post(path, { "if-match": etag, "if-unmodified-since": "Sun, 06 Nov 1994 08:49:37 GMT" })).status).toBe(204)
  })

  test("If-Modified-Since and If-Range say nothing of a write", async () => {
    const { path } = await stream()
    expect((await post(path, { "if-modified-since": "Fri, 31 Dec 9999 23:59:59 GMT", "if-range": '"x"' })).status).toBe(204)
  })

  test("a producer's repeat of an append that was applied is a duplicate and not refused", async () => {
    const { path, offset } = await stream()
    const produce = (seq, condition) => ds.produce(path, "p", 0, seq, `${seq}`, condition)
    const first = await produce(0, { "if-match": quoted(offset) })
    expect(first.status).toBe(200)
    const again = await produce(0, { "if-match": quoted(offset) })
    expect([again.status, again.offset, again.headers.get("producer-seq")]).toEqual([204, first.offset, "0"])
    // A refused append uses no sequence number up.
    await expectRefused(await produce(1, { "if-match": quoted(offset) }), path, first.offset, "data0")
    expect((await produce(1, { "if-match": quoted(first.offset) })).status).toBe(200)
    // A closing append likewise.
    const now = (await ds.head(path)).offset
    const closing = () => ds.produce(path, "p", 0, 2, "end", { "if-match": quoted(now), "stream-closed": "true" })
    expect([(await closing()).status, (await closing()).status]).toEqual([200, 204])
  })

  test("what would be refused without the condition is refused as it would be", async () => {
    const { path, stale } = await stream()
    const condition = { "if-match": stale }
    const code = async (answer) => codeOf(await answer)
    expect(await code(post(path, condition, "x", { "content-type": "text/plain" }))).toBe("content-type-mismatch")
    expect(await code(ds.produce(path, "gap", 0, 5, "x", condition))).toBe("producer-sequence-gap")
    expect(await code(ds.call("POST", path, { headers: condition }))).toBe("empty-body")
    await ds.append(path, "x", { headers: { "stream-seq": "5" } })
    expect(await code(post(path, condition, "x", { "stream-seq": "1" }))).toBe("sequence-regression")
    await ds.close(path)
    expect(await code(post(path, condition))).toBe("stream-closed")
    await ds.fork(freshPath("fork"), new URL(server.url + path).pathname)
    await ds.remove(path)
    expect(await code(remove(path, condition))).toBe("stream-gone")
    expect(await code(put(path, { "if-none-match": "*" }))).toBe("stream-exists")
  })

  test("conditions on subscriptions are refused and not ignored", async () => {
    const url = `__ds/subscriptions/${freshPath()}`
    const body = JSON.stringify({ type: "pull-wake", pattern: "cond/**", wake_stream: "wakes" })
    const call = (method, headers) => ds.call(method, url, { headers: { "content-type": "application/json", ...headers }, body: method === "DELETE" ? undefined : body })
    expect((await call("PUT", { "if-none-match": "*" })).status).toBe(400)
    expect((await call("PUT", {})).status).toBe(201)
    for (const name of ["if-match", "if-none-match", "if-unmodified-since"]) expect((await call("DELETE", { [name]: "*" })).status).toBe(400)
    expect((await ds.call("GET", url, { headers: { "if-none-match": '"x"' } })).status).toBe(200)
    expect((await call("DELETE", {})).status).toBe(204)
  })

  test("32 clients that compare and append lose no update", async () => {
    const path = freshPath("counter")
    await ds.create(path, { type: "application/json" })
    const kClients = 32
    const kEach = 5
    let conflicts = 0
    // Each appends what is one more than the last number, as it read it.
    async function increment(client) {
      let last = 0
      let offset = "-1"
      for (let done = 0; done < kEach; ) {
        const read = await ds.read(path, offset)
        last = JSON.parse(read.text).at(-1)?.number ?? last
        offset = read.offset
        if (!read.headers.get("stream-up-to-date")) continue
        const entry = JSON.stringify({ number: last + 1, client })
        const answer = await post(path, { "if-match": client % 2 ? read.headers.get("etag") : quoted(read.offset) }, entry, { "content-type": "application/json" })
        expect([204, 412]).toContain(answer.status)
        if (answer.status === 204) done++
        else conflicts++
      }
    }
    await Promise.all(Array.from({ length: kClients }, (_, client) => increment(client)))
    const entries = []
    let offset = "-1"
    for (let read; !read?.headers.get("stream-up-to-date"); offset = read.offset) {
      read = await ds.read(path, offset)
      entries.push(...JSON.parse(read.text))
    }
    expect(entries.map(({ number }) => number)).toEqual(Array.from({ length: kClients * kEach }, (_, i) => i + 1))
    for (let client = 0; client < kClients; client++) expect(entries.filter((entry) => entry.client === client).length).toBe(kEach)
    expect(conflicts).toBeGreaterThan(0)
  })
})
