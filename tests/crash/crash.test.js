// Kills the server with SIGKILL while it works, again and again on the same data, and checks what
// it had acknowledged: every append, close, create, fork and delete is there exactly once, in order,
// with its producer state and TTL, and nothing is there in part. Of a request without an answer
// either all is there or nothing; one that was refused left nothing.
import { appendFileSync } from "node:fs"
import { afterAll, describe, expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { streams } from "../harness/streams.js"

const kills = Number(process.env.CRASH_KILLS ?? 28) // in each set-up
const report = (line) => {
  console.log(line)
  if (process.env.CRASH_REPORT) appendFileSync(process.env.CRASH_REPORT, line + "\n")
}

/** serve: the process that is killed is the one that clients talk to. */
async function oneProcess(dir) {
  const start = () => startServer(["serve", "--data-dir", dir, "--registry"])
  let server = await start()
  return {
    url: () => server.url,
    kill: () => server.kill(),
    restart: async () => {
      server = await start()
    },
    stop: () => server.stop(),
  }
}

/** storage behind a gateway that stays up. */
async function twoProcesses(dir) {
  let storage = await startServer(["storage", "--data-dir", dir, "--registry"])
  const address = storage.url
  const gateway = await startServer(["gateway", "--storage", address])
  return {
    url: () => gateway.url,
    kill: () => storage.kill(),
    restart: async () => {
      storage = await startServer(["storage", "--data-dir", dir, "--registry", "--listen", address])
      const ds = streams(gateway.url)
      while ((await ds.head("anything")).status === 503) await new Promise((resolve) => setTimeout(resolve, 20))
    },
    stop: async () => {
      await gateway.stop()
      await storage.stop()
    },
  }
}

/** What happened to a write: "yes", "no", or "unknown" when nobody can tell yet. */
async function outcome(call) {
  try {
    const answer = await call()
    if (answer.status < 300) return { applied: "yes", answer }
    if (answer.status < 500) return { applied: "no", answer }
    // The error's code says whether it was applied (docs/errors.md).
    return { applied: JSON.parse(answer.text).code === "write-uncertain" ? "unknown" : "no", answer }
  } catch {
    return { applied: "unknown" }
  }
}

class Load {
  constructor(name) {
    this.name = name
    this.counter = 0
    this.counts = { appends: 0, closes: 0, creates: 0, forks: 0, deletes: 0 }
    this.lost = 0
    this.duplicated = 0
    this.half = 0
    this.wrong = []
    // Streams that live through all kills.
    this.produced = Array.from({ length: 6 }, (_, i) => ({ path: `${name}/produced-${i}`, next: 0, acknowledged: 0, pending: null }))
    this.plain = Array.from({ length: 4 }, (_, i) => ({ path: `${name}/plain-${i}`, entries: [] }))
    this.json = Array.from({ length: 2 }, (_, i) => ({ path: `${name}/json-${i}`, entries: [] }))
    // Streams that are made, used and checked once.
    this.fresh = []
    this.registered = new Map()
  }

  async setUp(ds) {
    for (const { path } of this.produced) expect((await ds.create(path)).status).toBe(201)
    for (const { path } of this.plain) expect((await ds.create(path)).status).toBe(201)
    for (const { path } of this.json) expect((await ds.create(path, { type: "application/json" })).status).toBe(201)
    this.base = `${this.name}/base`
    this.baseText = "0123456789"
    this.baseOffset = (await ds.create(this.base, { body: this.baseText })).offset
    await ds.append(this.base, "beyond the fork point")
  }

  /** Runs all workers until `stopped()`. */
  run(ds, stopped) {
    const forever = (step) => async () => {
      while (!stopped()) await step()
    }
    return Promise.all([
      ...this.produced.map((stream) => forever(() => this.produce(ds, stream))()),
      ...this.plain.map((stream) => forever(() => this.appendPlain(ds, stream))()),
      ...this.json.map((stream) => forever(() => this.appendJson(ds, stream))()),
      forever(() => this.lifeOfAStream(ds))(),
      forever(() => this.lifeOfAStream(ds))(),
      forever(() => this.lifeOfAFork(ds))(),
    ])
  }

  /** The next message of an idempotent producer, or the last one again while it is uncertain. */
  async produce(ds, stream) {
    const seq = stream.next
    const { applied } = await outcome(() => ds.produce(stream.path, "producer", 1, seq, `${seq};`))
    if (applied === "yes") {
      stream.next++
      stream.acknowledged = stream.next
      this.counts.appends++
    }
  }

  async appendPlain(ds, stream) {
    const text = `${++this.counter};`
    const { applied } = await outcome(() => ds.append(stream.path, text))
    stream.entries.push({ text, applied })
    if (applied === "yes") this.counts.appends++
  }

  /** Several messages in one append: all of them or none. */
  async appendJson(ds, stream) {
    const id = ++this.counter
    const { applied } = await outcome(() => ds.append(stream.path, JSON.stringify([0, 1, 2].map((part) => ({ id, part }))), { type: "application/json" }))
    stream.entries.push({ id, applied })
    if (applied === "yes") this.counts.appends++
  }

  /** Create with content and TTL; append and close, or delete. Stops where an answer is missing. */
  async lifeOfAStream(ds) {
    const stream = { path: `${this.name}/fresh-${++this.counter}`, created: "no", closed: "no", deleted: "no", ttl: "3600" }
    this.fresh.push(stream)
    stream.created = (await outcome(() => ds.create(stream.path, { body: "born;", headers: { "stream-ttl": stream.ttl } }))).applied
    if (stream.created !== "yes") return
    this.counts.creates++
    if (this.counter % 3 === 0) {
      stream.deleted = (await outcome(() => ds.remove(stream.path))).applied
      if (stream.deleted === "yes") this.counts.deletes++
    } else {
      stream.closed = (await outcome(() => ds.produce(stream.path, "closer", 0, 0, "last;", { "stream-closed": "true" }))).applied
      if (stream.closed === "yes") this.counts.closes++
    }
  }

  async lifeOfAFork(ds) {
    const fork = { path: `${this.name}/fork-${++this.counter}`, fork: true, created: "no", appended: "no", closed: "no", deleted: "no" }
    this.fresh.push(fork)
    const source = new URL(`${ds.root}${this.base}`).pathname
    fork.created = (await outcome(() => ds.fork(fork.path, source, { "stream-fork-offset": this.baseOffset }))).applied
    if (fork.created !== "yes") return
    this.counts.forks++
    fork.appended = (await outcome(() => ds.append(fork.path, "own;"))).applied
    if (fork.appended !== "yes") return
    this.counts.appends++
    if (this.counter % 2 === 0) {
      fork.deleted = (await outcome(() => ds.remove(fork.path))).applied
      if (fork.deleted === "yes") this.counts.deletes++
    }
  }

  blame(kind, what) {
    this[kind]++
    if (this.wrong.length < 20) this.wrong.push(`${kind}: ${what}`)
  }

  /** Entries against what was read: order, presence, number. Settles what was unknown. */
  compare(path, entries, keys) {
    const seen = new Map()
    for (const key of keys) seen.set(key, (seen.get(key) ?? 0) + 1)
    for (const entry of entries) {
      const times = seen.get(entry.key) ?? 0
      if (entry.applied === "yes" && times === 0) this.blame("lost", `${path} ${entry.key}`)
      if (entry.applied === "no" && times > 0) this.blame("duplicated", `${path} ${entry.key} was refused and is there`)
      if (times > 1) this.blame("duplicated", `${path} ${entry.key}`)
      entry.applied = times > 0 ? "yes" : "no"
      seen.delete(entry.key)
    }
    for (const key of seen.keys()) this.blame("duplicated", `${path} ${key} was never sent`)
    const expected = entries.filter(({ applied }) => applied === "yes").map(({ key }) => key)
    if (this.wrong.length === 0 && expected.join() !== [...keys].join()) this.blame("lost", `${path} is out of order`)
  }

  async check(ds) {
    for (const stream of this.produced) {
      const items = (await ds.all(stream.path)).toString().split(";").slice(0, -1).map(Number)
      for (const [i, item] of items.entries()) {
        if (item !== i) {
          this.blame(item < i ? "duplicated" : "lost", `${stream.path} has ${item} at ${i}`)
          break
        }
      }
      if (items.length < stream.acknowledged) this.blame("lost", `${stream.path} ends at ${items.length} of ${stream.acknowledged}`)
      if (items.length > stream.acknowledged + 1) this.blame("duplicated", `${stream.path} has more than was sent`)
      // The producer's state agrees with the data: the gap is judged from the last item.
      const gap = await ds.produce(stream.path, "producer", 1, items.length + 10, "never")
      if (gap.headers.get("producer-expected-seq") !== String(items.length)) this.blame("half", `${stream.path}: the producer is at ${gap.headers.get("producer-expected-seq")}, the data at ${items.length}`)
    }
    for (const stream of this.plain) {
      const keys = (await ds.all(stream.path)).toString().split(/(?<=;)/)
      for (const entry of stream.entries) entry.key = entry.text
      this.compare(stream.path, stream.entries, keys.filter(Boolean))
    }
    for (const stream of this.json) {
      const parts = []
      let offset = "-1"
      for (let more = true; more; ) {
        const answer = await ds.read(stream.path, offset)
        parts.push(...JSON.parse(answer.text))
        offset = answer.offset
        more = !answer.headers.get("stream-up-to-date")
      }
      const ids = []
      for (let i = 0; i < parts.length; i += 3) {
        const three = parts.slice(i, i + 3)
        if (three.map(({ id, part }) => `${id}.${part}`).join() !== [0, 1, 2].map((part) => `${three[0].id}.${part}`).join()) this.blame("half", `${stream.path} at ${i}: ${JSON.stringify(three)}`)
        ids.push(three[0].id)
      }
      for (const entry of stream.entries) entry.key = entry.id
      this.compare(stream.path, stream.entries, ids)
    }
    for (const stream of this.fresh.splice(0)) await this.checkFresh(ds, stream)
    await this.checkRegistry(ds)
  }

  async checkFresh(ds, stream) {
    const head = await ds.head(stream.path)
    const there = head.status === 200
    this.registered.set(stream.path, there)
    const name = stream.path
    if (!there && head.status !== 404) return this.blame("half", `${name}: ${head.status}`)
    if (!there && stream.created === "yes" && stream.deleted === "no") return this.blame("lost", `${name} was created`)
    if (there && stream.created === "no") return this.blame("duplicated", `${name} was refused and is there`)
    if (there && stream.deleted === "yes") return this.blame("lost", `the deletion of ${name}`)
    if (!there) return
    const text = (await ds.all(stream.path)).toString()
    const closed = head.headers.get("stream-closed") === "true"
    if (stream.fork) {
      const own = text === this.baseText + "own;"
      if (!own && text !== this.baseText) return this.blame("half", `${name}: ${text}`)
      if (own !== (stream.appended === "yes") && stream.appended !== "unknown") this.blame(own ? "duplicated" : "lost", `the append to ${name}`)
      return
    }
    if (head.headers.get("stream-ttl") !== stream.ttl) this.blame("half", `${name} has the TTL ${head.headers.get("stream-ttl")}`)
    if (text !== (closed ? "born;last;" : "born;")) return this.blame("half", `${name}: ${text}, closed: ${closed}`)
    if (closed !== (stream.closed === "yes") && stream.closed !== "unknown") this.blame(closed ? "duplicated" : "lost", `the close of ${name}`)
    // The closing producer's repetition is a duplicate exactly when its first try is there.
    if (closed && (await ds.produce(name, "closer", 0, 0, "last;", { "stream-closed": "true" })).status !== 204) this.blame("half", `${name} forgot its closing producer`)
  }

  /** The registry was committed with each change: its last word on a stream is the truth. */
  async checkRegistry(ds) {
    const last = new Map()
    let offset = "-1"
    for (let more = true; more; ) {
      const answer = await ds.read("__registry__", offset)
      for (const { key, headers } of JSON.parse(answer.text)) last.set(key, headers.operation === "insert")
      offset = answer.offset
      more = !answer.headers.get("stream-up-to-date")
    }
    for (const [path, there] of this.registered) {
      if ((last.get(path) ?? false) !== there) this.blame("half", `the registry says ${last.get(path)} of ${path}, which is ${there ? "" : "not "}there`)
    }
  }
}

describe.each([
  ["serve", oneProcess],
  ["storage", twoProcesses],
])("SIGKILL under load: %s", (name, start) => {
  const folder = scratchFolder()
  afterAll(() => folder.remove())

  test(
    `${kills} kills lose nothing that was acknowledged`,
    async () => {
      const system = await start(folder.path)
      const client = () => Object.assign(streams(system.url()), { root: system.url() })
      const load = new Load(name)
      await load.setUp(client())
      for (let kill = 0; kill < kills; kill++) {
        let stopped = false
        const work = load.run(client(), () => stopped)
        await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 350))
        await system.kill()
        stopped = true
        await work
        await system.restart()
        await load.check(client())
        expect(load.wrong).toEqual([])
      }
      await system.stop()
      const { appends, closes, creates, forks, deletes } = load.counts
      report(`crash test, ${name}: ${kills} kills; acknowledged and checked: ${appends} appends, ${creates} creates, ${closes} closes, ${forks} forks, ${deletes} deletes; ${load.lost} lost, ${load.duplicated} duplicated, ${load.half} half-applied`)
      for (const count of [appends, closes, creates, forks, deletes]) expect(count).toBeGreaterThan(kills)
    },
    600_000
  )
})
