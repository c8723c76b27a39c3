// What a restart keeps. (crash/crash.test.js does the same to servers that are killed.)
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { startServer, startSplit } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"

const kinds = [
  ["serve", (dir) => startServer(["serve", "--data-dir", dir, "--registry"])],
  ["gateway", (dir) => startSplit(dir, [], ["--registry"])],
]

describe.each(kinds)("restart, %s", (_name, start) => {
  let folder, server, ds
  const open = async () => {
    server = await start(folder.path)
    ds = streams(server.url)
  }
  const restart = async () => {
    await server.stop()
    await open()
  }
  beforeEach(async () => {
    folder = scratchFolder()
    await open()
  })
  afterEach(async () => {
    await server.stop()
    folder.remove()
  })

  test("data, closure, content type and Stream-Seq", async () => {
    const path = freshPath("kept")
    await ds.create(path, { type: "application/json", body: '[{"a":1}]' })
    await ds.append(path, "12345678901234567890", { type: "application/json", headers: { "stream-seq": "b" } })
    const closed = freshPath("kept")
    await ds.create(closed, { body: "end", headers: { "stream-closed": "true" } })
    const before = await ds.read(path)
    await restart()
    const after = await ds.read(path)
    expect(after.text).toBe('[{"a":1},12345678901234567890]')
    expect(after.offset).toBe(before.offset)
    expect(after.headers.get("etag")).toBe(before.headers.get("etag"))
    expect((await ds.append(path, "1", { type: "application/json", headers: { "stream-seq": "a" } })).status).toBe(409)
    expect((await ds.append(closed, "x")).status).toBe(409)
  })

  test("expiries of any year and precision, as they were written", async () => {
    for (const value of ["9999-12-31T23:59:59Z", "2300-06-30T23:59:60.5+00:00", "2099-01-01T00:00:00.12345678987Z"]) {
      const path = freshPath("kept")
      const make = (expiry) => ds.create(path, { headers: { "stream-expires-at": expiry } })
      expect((await make(value)).status).toBe(201)
      await restart()
      expect((await make(value)).status).toBe(200)
      expect((await make("9999-12-31T23:59:58Z")).status).toBe(409)
      expect((await ds.head(path)).headers.get("stream-expires-at")).toBe(value)
    }
  })

  test("producer state: repeats stay duplicates, epochs stay fenced", async () => {
    const path = freshPath("producers")
    await ds.create(path)
    for (let seq = 0; seq < 3; seq++) await ds.produce(path, "p", 4, seq, `${seq};`)
    await restart()
    expect((await ds.produce(path, "p", 4, 2, "2;")).status).toBe(204)
    expect((await ds.produce(path, "p", 3, 0, "x")).status).toBe(403)
    const gap = await ds.produce(path, "p", 4, 9, "x")
    expect(gap.status).toBe(409)
    expect(gap.headers.get("producer-expected-seq")).toBe("3")
    expect((await ds.produce(path, "p", 4, 3, "3;")).status).toBe(200)
    expect((await ds.read(path)).text).toBe("0;1;2;3;")
  })

  test("streams with a TTL live on, and end", async () => {
    const long = freshPath("ttl")
    const short = freshPath("ttl")
    await ds.create(long, { body: "x", headers: { "stream-ttl": "3600" } })
    await ds.create(short, { body: "x", headers: { "stream-ttl": "2" } })
    await restart()
    expect((await ds.head(long)).headers.get("stream-ttl")).toBe("3600")
    expect((await ds.read(long)).text).toBe("x")
    await expect.poll(async () => (await ds.head(short)).status, { timeout: 6_000, interval: 200 }).toBe(404)
  })

  test("forks at a later offset, and sources kept for them", async () => {
    const source = freshPath("source")
    const fork = freshPath("fork")
    await ds.create(source, { body: "one;" })
    const { offset } = await ds.append(source, "two;")
    await ds.append(source, "three;")
    const { pathname } = new URL(server.url + source)
    expect((await ds.fork(fork, pathname, { "stream-fork-offset": offset })).status).toBe(201)
    await ds.append(fork, "FORK;")
    await ds.remove(source)
    await restart()
    expect((await ds.read(fork)).text).toBe("one;two;FORK;")
    expect((await ds.read(source)).status).toBe(410)
    await ds.remove(fork)
    expect((await ds.read(source)).status).toBe(404)
  })

  test("deleted streams stay deleted, and their offsets stay gone", async () => {
    const path = freshPath("deleted")
    const { offset } = await ds.create(path, { body: "old" })
    await ds.remove(path)
    await restart()
    expect((await ds.read(path)).status).toBe(404)
    await ds.create(path, { body: "new" })
    expect((await ds.read(path, offset)).status).toBe(410)
  })

  test("the registry", async () => {
    const path = freshPath("listed")
    await ds.create(path)
    await restart()
    const events = JSON.parse((await ds.read("__registry__")).text)
    expect(events.filter(({ key }) => key === path).map(({ headers }) => headers.operation)).toEqual(["insert"])
  })

  test("the server answers from its first line on: nothing is missing while it loads", async () => {
    const paths = Array.from({ length: 500 }, () => freshPath("ready"))
    await Promise.all(paths.map((path) => ds.create(path, { body: path })))
    await server.stop()
    await open()
    const answers = await Promise.all(paths.map((path) => ds.read(path)))
    for (const [i, answer] of answers.entries()) expect(answer.text).toBe(paths[i])
  })
})
