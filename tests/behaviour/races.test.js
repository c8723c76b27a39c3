// Operations that meet: whatever wins, every answer is true afterwards.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { setups } from "../harness/setups.js"
import { freshPath, streams } from "../harness/streams.js"

const kRounds = 60

describe.each(setups)("races, %s", (_name, start) => {
  let server, ds
  beforeAll(async () => {
    server = await start(["--long-poll-timeout", "20s"])
    ds = streams(server.url)
  })
  afterAll(() => server.stop())

  test("append and close: an acknowledged close holds, an acknowledged append is there", async () => {
    for (let round = 0; round < kRounds; round++) {
      const path = freshPath("race")
      await ds.create(path)
      const [first, closed, second] = await Promise.all([ds.append(path, "1"), ds.close(path), ds.append(path, "2")])
      expect(closed.status).toBe(204)
      const head = await ds.head(path)
      expect(head.headers.get("stream-closed")).toBe("true")
      const { text } = await ds.read(path)
      expect(text.includes("1")).toBe(first.status === 204)
      expect(text.includes("2")).toBe(second.status === 204)
      expect(closed.offset).toBe(head.offset)
      for (const append of [first, second]) expect([204, 409]).toContain(append.status)
    }
  })

  test("append and delete: a deleted stream stays deleted and no append hangs", async () => {
    for (let round = 0; round < kRounds; round++) {
      const path = freshPath("race")
      await ds.create(path)
      const [append, removed] = await Promise.all([ds.append(path, "x"), ds.remove(path)])
      expect(removed.status).toBe(204)
      expect([204, 404]).toContain(append.status)
      expect((await ds.head(path)).status).toBe(404)
    }
  })

  test("create and delete: what follows agrees with the order that won", async () => {
    for (let round = 0; round < kRounds; round++) {
      const path = freshPath("race")
      await ds.create(path, { body: "old" })
      const [removed, created] = await Promise.all([ds.remove(path), ds.create(path, { body: "new" })])
      expect(removed.status).toBe(204)
      expect([200, 201]).toContain(created.status)
      const after = await ds.read(path)
      if (created.status === 201) expect(after.text).toBe("new")
      else expect(after.status).toBe(404)
    }
  })

  test("two creates: one makes the stream, the other finds it", async () => {
    for (let round = 0; round < kRounds; round++) {
      const path = freshPath("race")
      const both = await Promise.all([ds.create(path, { body: "a" }), ds.create(path, { body: "b" })])
      expect(both.map(({ status }) => status).sort()).toEqual([200, 201])
      expect((await ds.read(path)).text).toBe(both[0].status === 201 ? "a" : "b")
    }
  })

  test("two creates of different configuration: one wins, the other is told", async () => {
    for (let round = 0; round < kRounds; round++) {
      const path = freshPath("race")
      const both = await Promise.all([ds.create(path, { type: "text/plain" }), ds.create(path, { type: "application/json" })])
      expect(both.map(({ status }) => status).sort()).toEqual([201, 409])
    }
  })

  test("two forks while their source is deleted: each has the data or is refused, and nothing leaks", async () => {
    for (let round = 0; round < kRounds; round++) {
      const source = freshPath("source")
      await ds.create(source, { body: "shared" })
      const forks = [freshPath("fork"), freshPath("fork")]
      const { pathname } = new URL(server.url + source)
      const [one, removed, two] = await Promise.all([ds.fork(forks[0], pathname), ds.remove(source), ds.fork(forks[1], pathname)])
      expect(removed.status).toBe(204)
      for (const [i, made] of [one, two].entries()) {
        expect([201, 404, 409]).toContain(made.status)
        if (made.status !== 201) continue
        expect((await ds.read(forks[i])).text).toBe("shared")
        expect((await ds.remove(forks[i])).status).toBe(204)
      }
      // Without forks nothing keeps the source.
      expect((await ds.head(source)).status).toBe(404)
      expect((await ds.create(source)).status).toBe(201)
    }
  })

  test("an append that meets a long-poll wakes it", async () => {
    for (let round = 0; round < kRounds; round++) {
      const path = freshPath("wake")
      const { offset } = await ds.create(path)
      const began = Date.now()
      const [poll] = await Promise.all([ds.read(path, offset, "&live=long-poll"), ds.append(path, "x")])
      expect(poll.status).toBe(200)
      expect(poll.text).toBe("x")
      expect(Date.now() - began).toBeLessThan(5_000)
    }
  })

  test("a close that meets a long-poll wakes it", async () => {
    for (let round = 0; round < kRounds; round++) {
      const path = freshPath("wake")
      const { offset } = await ds.create(path)
      const began = Date.now()
      const [poll] = await Promise.all([ds.read(path, offset, "&live=long-poll"), ds.close(path)])
      expect(poll.status).toBe(204)
      expect(poll.headers.get("stream-closed")).toBe("true")
      expect(Date.now() - began).toBeLessThan(5_000)
    }
  })

  test("a delete ends a waiting long-poll", async () => {
    const path = freshPath("wake")
    const { offset } = await ds.create(path)
    const began = Date.now()
    const poll = ds.read(path, offset, "&live=long-poll")
    await new Promise((resolve) => setTimeout(resolve, 100))
    await ds.remove(path)
    expect((await poll).status).toBe(404)
    expect(Date.now() - began).toBeLessThan(5_000)
  })

  test("parallel repeats of one producer append are applied once", async () => {
    for (let round = 0; round < kRounds; round++) {
      const path = freshPath("dup")
      await ds.create(path)
      const answers = await Promise.all(Array.from({ length: 5 }, () => ds.produce(path, "p", 0, 0, "once")))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 204, 204, 204, 204])
      expect((await ds.read(path)).text).toBe("once")
    }
  })
})
