// Many readers behind a shared cache: real nginx and real Varnish, as docs/caching.md sets them up.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { caches } from "../harness/caches.js"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, streams, until } from "../harness/streams.js"

const readers = 50
const cacheFor = async (start, server) => {
  const folder = scratchFolder()
  const cache = await start(folder.path, new URL(server.url).host)
  return {
    url: cache.url + new URL(server.url).pathname,
    stop: async () => {
      await cache.stop()
      folder.remove()
    },
  }
}

/** How many requests of that kind the server has answered. The count follows the answer, which gets a moment for it. */
async function answered(server, operation) {
  await new Promise((resolve) => setTimeout(resolve, 50))
  const text = await (await fetch(`${server.admin}/metrics`)).text()
  const counts = [...text.matchAll(/^durable_streams_http_requests_total\{([^}]*)\} (\d+)/gm)]
  return counts.filter(([, labels]) => labels.includes(`operation="${operation}"`)).reduce((sum, [, , count]) => sum + Number(count), 0)
}
/** Requires that so many requests of that kind have come since there were `before`. */
async function expectAnswered(server, operation, before, count) {
  await until(async () => (await answered(server, operation)) >= before + count)
  expect((await answered(server, operation)) - before).toBe(count)
}
const waiting = async (server) => Number(/^durable_streams_live_readers\{mode="long_poll"\} (\d+)/m.exec(await (await fetch(`${server.admin}/metrics`)).text())[1])

describe.each(caches)("behind %s", (_name, start) => {
  let server, cache, ds, behind
  beforeAll(async () => {
    server = await startServer(["dev", "--long-poll-timeout", "1500ms", "--max-chunk-bytes", "1000"])
    cache = await cacheFor(start, server)
    ds = streams(server.url)
    behind = streams(cache.url)
  })
  afterAll(async () => {
    await cache?.stop()
    await server?.stop()
  })

  const poll = (path, offset, cursor) => behind.read(path, offset, `&live=long-poll${cursor ? `&cursor=${cursor}` : ""}`)
  const together = (work) => Promise.all(Array.from({ length: readers }, work))

  test(`${readers} idle long-polls are one request, round after round`, async () => {
    const path = freshPath("idle")
    const { offset } = await ds.create(path, { type: "text/plain", body: "one" })
    const before = await answered(server, "long_poll")
    let cursor
    for (let round = 1; round <= 3; ++round) {
      const answers = await together(() => poll(path, offset, cursor))
      expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([204]))
      const cursors = new Set(answers.map((answer) => answer.headers.get("stream-cursor")))
      expect(cursors.size).toBe(1)
      cursor = [...cursors][0]
      await expectAnswered(server, "long_poll", before, round)
    }
  })

  test(`an append reaches ${readers} long-polls through one request`, async () => {
    const path = freshPath("woken")
    let { offset } = await ds.create(path, { type: "text/plain", body: "one" })
    const before = await answered(server, "long_poll")
    let cursor
    for (let round = 1; round <= 3; ++round) {
      const polls = together(() => poll(path, offset, cursor))
      await until(async () => (await waiting(server)) === 1)
      await new Promise((resolve) => setTimeout(resolve, 300))
      const appended = await ds.append(path, `more ${round}`, { type: "text/plain" })
      const answers = await polls
      expect(new Set(answers.map((answer) => answer.text))).toEqual(new Set([`more ${round}`]))
      expect(new Set(answers.map((answer) => answer.offset))).toEqual(new Set([appended.offset]))
      cursor = answers[0].headers.get("stream-cursor")
      offset = appended.offset
      await expectAnswered(server, "long_poll", before, round)
    }
  })

  test("readers who came at different times meet", async () => {
    const path = freshPath("meeting")
    const { offset } = await ds.create(path, { type: "text/plain", body: "one" })
    // As if each had come in an interval of its own.
    const earlier = await answered(server, "long_poll")
    const now = Number((await ds.read(path, "-1", "&live=long-poll")).headers.get("stream-cursor"))
    await expectAnswered(server, "long_poll", earlier, 1)
    const before = earlier + 1
    const hour = (Math.floor(now / 180) + 2) * 180
    const first = await Promise.all(Array.from({ length: 5 }, (_, i) => poll(path, offset, hour + i)))
    const cursors = new Set(first.map((answer) => answer.headers.get("stream-cursor")))
    expect(cursors.size).toBe(1)
    await expectAnswered(server, "long_poll", before, 5)
    await Promise.all(first.map((answer) => poll(path, offset, answer.headers.get("stream-cursor"))))
    await expectAnswered(server, "long_poll", before, 6)
  })

  test("a read at the tail is always the present one, also after the stream was made anew", async () => {
    const path = freshPath("tail")
    const first = await ds.create(path, { type: "text/plain", body: "one" })
    expect((await behind.read(path)).text).toBe("one")
    await ds.append(path, "two", { type: "text/plain" })
    expect((await behind.read(path)).text).toBe("onetwo")
    expect((await behind.read(path, first.offset)).text).toBe("two")
    await ds.append(path, "three", { type: "text/plain" })
    expect((await behind.read(path, first.offset)).text).toBe("twothree")
    await ds.remove(path)
    expect((await behind.read(path)).status).toBe(404)
    await ds.create(path, { type: "text/plain", body: "anew" })
    expect((await behind.read(path)).text).toBe("anew")
    expect((await behind.read(path, first.offset)).status).toBe(410)
  })

  test("a piece that cannot change is asked for once", async () => {
    const path = freshPath("piece")
    const body = "x".repeat(1000) + "y".repeat(1000) + "z"
    await ds.create(path, { type: "text/plain", body })
    const before = await answered(server, "read")
    const { offset } = await behind.read(path)
    await expectAnswered(server, "read", before, 1)
    const answers = await together(() => behind.read(path, offset))
    expect(new Set(answers.map((answer) => answer.text))).toEqual(new Set(["y".repeat(1000)]))
    await expectAnswered(server, "read", before, 2)
  })
})
