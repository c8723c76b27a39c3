// What Cache-Control and Vary say of each kind of read; docs/caching.md has the table.
import { createHash } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder, setups } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"
import { inEach } from "../harness/versions.js"

const text = "text/plain"
const shared = "public, max-age=0, s-maxage=2, must-revalidate, stale-while-revalidate=0"
const kept = "public, max-age=31536000, immutable"

describe.each(inEach(setups))("caching, %s, %s", (_name, _version, start, open) => {
  let server, ds, client, root
  beforeAll(async () => {
    server = await start(["--max-chunk-bytes", "10", "--long-poll-timeout", "300ms"])
    ds = streams(server.url)
    const url = new URL(server.url)
    client = open(url.origin)
    root = url.pathname
  })
  afterAll(async () => {
    client.close()
    await server.stop()
  })
  const get = async (path, query, headers = {}) => {
    const { status, headers: answer, body } = await client.ask("GET", root + path + query, { headers })
    return { status, control: answer["cache-control"], offset: answer["stream-next-offset"], headers: answer, text: body.toString() }
  }
  const control = async (path, query) => (await get(path, query)).control
  /** Three pieces, the last of them at the tail; resolves to where each begins. */
  const written = async (headers) => {
    const path = freshPath("caching")
    const { offset: end } = await ds.create(path, { type: text, body: "0123456789abcdefghijkl", headers })
    const first = (await get(path, "?offset=-1")).offset
    const second = (await get(path, `?offset=${first}`)).offset
    return { path, first, second, end }
  }

  test("only what ends below the tail, at an offset of this stream, is kept", async () => {
    const { path, first, second, end } = await written()
    expect(await control(path, `?offset=${first}`)).toBe(kept)
    expect(await control(path, `?offset=${second}`)).toBe("public, no-cache")
    expect(await control(path, `?offset=${end}`)).toBe("public, no-cache")
    for (const query of ["", "?offset=-1", "?offset=0000000000000000_0000000000000000"]) expect(await control(path, query), query).toBe("public, no-cache")
    expect(await control(path, "?offset=now")).toBe("no-store")
    expect(await control(path, "?offset=x")).toBe("no-store")
    expect(await control(freshPath("nothing"), "?offset=-1")).toBe("no-store")
    expect((await client.ask("HEAD", root + path)).headers["cache-control"]).toBe("no-store")
  })

  test("the end of a closed stream is kept, whoever began at the beginning is not sure of it", async () => {
    const { path, second, end } = await written()
    await ds.close(path)
    expect(await control(path, `?offset=${second}`)).toBe(kept)
    expect(await control(path, `?offset=${end}`)).toBe(kept)
    const short = freshPath("caching")
    await ds.create(short, { type: text, body: "x", headers: { "stream-closed": "true" } })
    expect(await control(short, "?offset=-1")).toBe("public, no-cache")
  })

  test("a 304 says the same as the 200", async () => {
    const { path, first } = await written()
    for (const query of ["?offset=-1", `?offset=${first}`]) {
      const whole = await get(path, query)
      const same = await get(path, query, { "if-none-match": whole.headers.etag })
      expect([same.status, same.control, same.headers.vary]).toEqual([304, whole.control, whole.headers.vary])
    }
  })

  test("what a fork has from its source is not kept: the fork may be made anew elsewhere", async () => {
    const { path, first, end } = await written()
    const fork = freshPath("caching")
    await ds.fork(fork, root + path)
    await ds.append(fork, "0123456789abcdefghijkl", { type: text })
    expect(await control(fork, `?offset=${first}`)).toBe("public, no-cache")
    const own = (await get(fork, `?offset=${end}`)).offset
    expect(await control(fork, `?offset=${own}`)).toBe(kept)
    // Made anew from an earlier place, the fork has other bytes at that offset of its source.
    const before = await get(fork, `?offset=${first}`)
    await ds.remove(fork)
    await ds.fork(fork, root + path, { "stream-fork-offset": first, "stream-fork-sub-offset": "2" })
    await ds.append(fork, "ZZZZ", { type: text })
    expect((await get(fork, `?offset=${first}`)).text).not.toBe(before.text)
  })

  test("long-polls are shared for a moment, and kept where they cannot change", async () => {
    const { path, first, second, end } = await written()
    const live = "&live=long-poll"
    expect(await control(path, `?offset=${first}${live}`)).toBe(kept)
    expect(await control(path, `?offset=${second}${live}`)).toBe(shared)
    const idle = await get(path, `?offset=${end}${live}`)
    expect([idle.status, idle.control]).toEqual([204, shared])
    expect(await control(path, `?offset=now${live}`)).toBe("no-store")
    expect(await control(path, `?offset=-1${live}`)).toBe("public, no-cache")
    const empty = freshPath("caching")
    await ds.create(empty, { type: text })
    const none = await get(empty, `?offset=-1${live}`)
    expect([none.status, none.control]).toEqual([204, "no-store"])
    await ds.close(path)
    const over = await get(path, `?offset=${end}${live}`)
    expect([over.status, over.control, over.headers["stream-closed"]]).toEqual([204, shared, "true"])
  })

  test("nothing is kept longer than the stream lives", async () => {
    const ttl = await written({ "stream-ttl": "100" })
    expect(await control(ttl.path, `?offset=${ttl.first}`)).toBe("public, max-age=100, immutable, must-revalidate, stale-while-revalidate=0")
    expect(await control(ttl.path, "?offset=-1")).toBe("public, no-cache")
    const until = await written({ "stream-expires-at": new Date(Date.now() + 50_000).toISOString() })
    const left = Number(/^public, max-age=(\d+), immutable/.exec(await control(until.path, `?offset=${until.first}`))[1])
    expect(left).toBeGreaterThan(30)
    expect(left).toBeLessThanOrEqual(50)
  })
})

describe("options", () => {
  const withServer = async (args, work) => {
    const server = await startServer(["dev", "--max-chunk-bytes", "10", "--long-poll-timeout", "300ms", ...args])
    try {
      return await work(streams(server.url))
    } finally {
      await server.stop()
    }
  }
  const controls = async (ds, headers) => {
    const path = freshPath("caching")
    await ds.create(path, { type: text, body: "0123456789abcdefghijkl", headers })
    const first = await ds.read(path)
    const second = await ds.read(path, first.offset)
    const third = await ds.read(path, second.offset)
    const idle = await ds.read(path, third.offset, "&live=long-poll")
    return [first, second, third, idle].map((answer) => answer.headers.get("cache-control"))
  }

  test("--cache-control protocol restores what section 10.1 recommends", () =>
    withServer(["--cache-control", "protocol"], async (ds) => {
      const recommended = "public, max-age=60, stale-while-revalidate=300"
      expect(await controls(ds)).toEqual([recommended, recommended, recommended, "no-store"])
      expect((await controls(ds, { "stream-ttl": "10" }))[1]).toBe("public, max-age=10, stale-while-revalidate=0")
    }))

  test("--cache-max-age is the longest, 0s keeps nothing", async () => {
    await withServer(["--cache-max-age", "1h"], async (ds) => expect((await controls(ds))[1]).toBe("public, max-age=3600, immutable"))
    await withServer(["--cache-max-age", "0s"], async (ds) => expect((await controls(ds)).slice(0, 3)).toEqual(Array(3).fill("public, no-cache")))
  })

  test("what is for one client is private, and varies with who asks", async () => {
    const folder = scratchFolder()
    const config = join(folder.path, "auth.json")
    const rule = (path, operations) => ({ rules: [{ paths: [path], operations }] })
    const sha256 = createHash("sha256").update("a-key").digest("hex")
    writeFileSync(config, JSON.stringify({ anonymous: rule("public/**", ["read"]), keys: [{ name: "k", sha256, ...rule("**", ["*"]) }] }))
    try {
      await withServer(["--auth-config", config], async (ds) => {
        const auth = { authorization: "Bearer a-key" }
        const path = `public/${freshPath("caching")}`
        expect((await ds.create(path, { type: text, body: "0123456789abcdefghijkl", headers: auth })).status).toBe(201)
        const read = async (query, headers) => {
          const answer = await ds.call("GET", path, { query, headers })
          return [answer.status, answer.headers.get("cache-control"), answer.headers.get("vary"), answer.offset]
        }
        const [, , , first] = await read("?offset=-1", auth)
        expect((await read(`?offset=${first}`, auth)).slice(0, 3)).toEqual([200, "private, max-age=31536000, immutable", "Accept-Encoding, Authorization"])
        expect((await read(`?offset=${first}`, {})).slice(0, 3)).toEqual([200, kept, "Accept-Encoding"])
        expect((await read("?offset=-1", auth)).slice(0, 3)).toEqual([200, "private, no-cache", "Accept-Encoding, Authorization"])
        const end = (await ds.call("HEAD", path, { headers: auth })).offset
        expect((await read(`?offset=${end}&live=long-poll`, auth)).slice(0, 3)).toEqual([204, "no-store", "Authorization"])
      })
    } finally {
      folder.remove()
    }
  })
})
