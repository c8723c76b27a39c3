// The commands beside the roles, run as an operator runs them.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { binary, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { streams, until } from "../harness/streams.js"

let folder
let server
beforeEach(() => {
  folder = scratchFolder()
})
afterEach(async () => {
  await server?.stop()
  server = undefined
  folder.remove()
})

function run(args, { input, env = {} } = {}) {
  const result = spawnSync(binary, args, { input, env: { ...process.env, DS_SERVER: server?.url ?? "", ...env }, timeout: 20_000, maxBuffer: 1 << 28 })
  return { code: result.status, out: result.stdout, err: String(result.stderr) }
}
const stream = (...args) => run(["stream", ...args])
const text = (result) => String(result.out)

test("a stream's life from the command line", async () => {
  server = await startServer(["dev", "--registry"])
  expect(text(stream("create", "notes/today", "--content-type", "text/plain"))).toMatch(/^created \S+\n$/)
  expect(text(stream("create", "notes/today", "--content-type", "text/plain"))).toMatch(/^exists /)
  expect(text(stream("append", "notes/today", "--data", "one,"))).toMatch(/^[0-9]{16}_[0-9]{16}\n$/)
  const appended = run(["stream", "append", "notes/today", "--lines"], { input: "two,\n\nthree" })
  expect(appended.code).toBe(0)
  expect(text(stream("read", "notes/today"))).toBe("one,two,three")
  expect(text(stream("read", "notes/today", "--offset", text(stream("append", "notes/today", "--data", "!")).trim()))).toBe("")
  expect(text(stream("head", "notes/today"))).toMatch(/content-type: text\/plain\nstream-next-offset: \S+\n/)
  stream("create", "notes/fork", "--fork-from", "notes/today")
  expect(text(stream("read", "notes/fork"))).toBe("one,two,three!")
  expect(text(stream("ls", "notes/"))).toBe("notes/fork\ttext/plain\nnotes/today\ttext/plain\n")
  expect(stream("delete", "notes/fork").code).toBe(0)
  expect(text(stream("ls"))).toBe("notes/today\ttext/plain\n")
})

test("an append may ask where the stream stands", async () => {
  server = await startServer(["dev"])
  const [, empty] = text(stream("create", "log", "--content-type", "text/plain")).trim().split(" ")
  const offset = text(stream("append", "log", "--data", "one,", "--if-match", empty)).trim()
  const refused = stream("append", "log", "--data", "two,", "--if-match", empty)
  expect(refused.code).toBe(1)
  expect(refused.err).toMatch(/412: A condition of the request does not hold/)
  // Line by line, each behind the one before.
  expect(run(["stream", "append", "log", "--lines", "--if-match", `"${offset}"`], { input: "two,\nthree" }).code).toBe(0)
  expect(text(stream("read", "log"))).toBe("one,two,three")
  expect(stream("append", "none", "--content-type", "text/plain", "--data", "x", "--if-match", "*").err).toMatch(/404/)
})

test("what goes wrong is said, with the server's own words", async () => {
  server = await startServer(["dev"])
  for (const [args, reason] of [
    [["read", "none"], /404: There is no such stream/],
    [["append", "none", "--data", "x"], /404/],
    [["delete", "none"], /404: There is no such stream/],
    [["ls"], /--registry/],
    [["head", "none", "--server", "http://127.0.0.1:9/v1/stream/"], /connect/i],
  ]) {
    const result = stream(...args)
    expect(result.code).toBe(1)
    expect(result.err).toMatch(reason)
  }
  expect(stream().code).not.toBe(0)
})

test("large input and output pass through whole", async () => {
  server = await startServer(["dev"])
  const bytes = Buffer.from(Array.from({ length: 9 << 20 }, (_, i) => (i * 31 + (i >> 10)) & 255))
  stream("create", "large")
  expect(run(["stream", "append", "large", "--close"], { input: bytes }).code).toBe(0)
  expect(stream("read", "large").out.equals(bytes)).toBe(true)
})

test("--follow and tail go on until the stream is closed", async () => {
  server = await startServer(["dev", "--long-poll-timeout", "500ms"])
  const ds = streams(server.url)
  await ds.create("log", { type: "text/plain", body: "old;" })
  const follow = (...args) => {
    const child = spawn(binary, ["stream", ...args], { env: { ...process.env, DS_SERVER: server.url } })
    const state = { out: "", ended: once(child, "exit") }
    child.stdout.on("data", (chunk) => (state.out += chunk))
    return state
  }
  const all = follow("read", "log", "--follow")
  const tail = follow("tail", "log")
  await until(async () => /mode="long_poll"\} 2/.test(await (await fetch(`${server.admin}/metrics`)).text()))
  await ds.append("log", "new;", { type: "text/plain" })
  await until(() => all.out === "old;new;" && tail.out === "new;")
  await ds.close("log")
  expect((await all.ended)[0]).toBe(0)
  expect((await tail.ended)[0]).toBe(0)
})

test("the token comes from the environment", async () => {
  const file = join(folder.path, "auth.json")
  const [, key, sha256] = /key: (\S+)\nsha256: (\S+)/.exec(text(run(["new-api-key"])))
  writeFileSync(file, JSON.stringify({ keys: [{ name: "a", sha256, rules: [{ paths: ["**"], operations: ["*"] }] }] }))
  server = await startServer(["dev", "--auth-config", file])
  expect(run(["stream", "create", "a"]).err).toMatch(/401/)
  expect(run(["stream", "create", "a"], { env: { DS_TOKEN: key } }).code).toBe(0)
})

test("a running server is backed up, restored, and checked", async () => {
  const data = join(folder.path, "data")
  const backups = join(folder.path, "backups")
  server = await startServer(["serve", "--data-dir", data, "--backup-dir", backups, "--keep-backups", "2"])
  const ds = streams(server.url)
  await ds.create("s", { type: "text/plain", body: "kept;" })
  const backup = () => run(["backup", "--admin", server.admin])
  expect(JSON.parse(text(backup()))).toMatchObject({ id: 1 })
  // While appends go on: what was acknowledged before the backup is in it.
  const acknowledged = []
  let going = true
  const appending = (async () => {
    for (let i = 0; going; i++) if ((await ds.append("s", `${i};`, { type: "text/plain" })).status === 204) acknowledged.push(i)
  })()
  await until(() => acknowledged.length > 100)
  const before = acknowledged.length
  expect(backup().code).toBe(0)
  expect(backup().code).toBe(0)
  going = false
  await appending
  const list = text(run(["backup", "--verify", "--backup-dir", backups]))
  expect(list.trim().split("\n").map((line) => line.split(" ")[0])).toEqual(["2", "3"])
  await server.stop()

  const restored = join(folder.path, "restored")
  expect(run(["restore", "--backup-dir", backups, "--data-dir", data]).err).toMatch(/not empty/)
  expect(run(["restore", "--backup-dir", backups, "--data-dir", restored, "--id", "9"]).err).toMatch(/no backup 9/)
  expect(run(["restore", "--backup-dir", backups, "--data-dir", restored, "--id", "2"]).code).toBe(0)
  const check = run(["check", "--data-dir", restored])
  expect(text(check)).toMatch(/^1 streams, .* 0 problems\n$/)
  expect(check.code).toBe(0)
  server = await startServer(["serve", "--data-dir", restored])
  const content = (await streams(server.url).all("s")).toString()
  expect(content.startsWith(`kept;${acknowledged.slice(0, before).map((i) => `${i};`).join("")}`)).toBe(true)
})

test("a server without --backup-dir makes none, a stopped one is backed up by --data-dir", async () => {
  const data = join(folder.path, "data")
  const backups = join(folder.path, "backups")
  server = await startServer(["serve", "--data-dir", data])
  await streams(server.url).create("s")
  expect(run(["backup", "--admin", server.admin]).err).toMatch(/--backup-dir/)
  expect(run(["backup", "--data-dir", data, "--backup-dir", backups]).err).toMatch(/another process/)
  await server.stop()
  expect(run(["backup", "--data-dir", data, "--backup-dir", backups]).code).toBe(0)
  expect(text(run(["backup", "--list", "--backup-dir", backups]))).toMatch(/^1  20/)
})

test("check finds damage in a file and exits with 1", async () => {
  const data = join(folder.path, "data")
  server = await startServer(["serve", "--data-dir", data])
  const ds = streams(server.url)
  await ds.create("s", { type: "text/plain" })
  for (let i = 0; i < 50; i++) await ds.append("s", "x".repeat(1000), { type: "text/plain" })
  await server.stop()
  // A restart makes table files of the log.
  server = await startServer(["serve", "--data-dir", data])
  await server.stop()
  server = undefined
  expect(run(["check", "--data-dir", data]).code).toBe(0)
  const table = readdirSync(data)
    .filter((name) => name.endsWith(".sst"))
    .map((name) => join(data, name))
    .sort((a, b) => readFileSync(b).length - readFileSync(a).length)[0]
  const bytes = readFileSync(table)
  bytes[Math.floor(bytes.length / 3)] ^= 0xff
  writeFileSync(table, bytes)
  const damaged = run(["check", "--data-dir", data])
  expect(damaged.code).toBe(1)
  expect(text(damaged) + damaged.err).toMatch(/damaged|checksum|orruption/)
  appendFileSync(join(data, "CURRENT"), "nonsense")
  expect(run(["check", "--data-dir", data]).code).toBe(1)
  expect(run(["check", "--data-dir", join(folder.path, "none")]).code).not.toBe(0)
})
