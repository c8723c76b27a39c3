// The program as a command: how it starts, what it says, how it ends.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { binary, startServer, startSplit } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, sse, streams, until } from "../harness/streams.js"

let folder
beforeEach(() => {
  folder = scratchFolder()
})
afterEach(() => folder.remove())

/** Runs to the end: exit code and what it printed. */
function run(args, env = {}) {
  const result = spawnSync(binary, args, { env: { ...process.env, ...env }, timeout: 10_000 })
  return { code: result.status, out: String(result.stdout), err: String(result.stderr) }
}

test("--version and --help say so and succeed", () => {
  expect(run(["--version"])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  for (const role of ["dev", "serve", "storage", "gateway"]) {
    const help = run([role, "--help"])
    expect(help.code).toBe(0)
    expect(help.out).toContain("--listen")
  }
})

test.each([
  [[], /subcommand/i],
  [["serv"], /subcommand/i],
  [["serve"], /--data-dir/],
  [["gateway"], /--storage/],
  [["dev", "--no-such-flag"], /--no-such-flag/],
  [["dev", "--long-poll-timeout", "soon"], /500ms, 30s or 2h/],
  [["dev", "--max-append-bytes", "many"], /max-append-bytes/],
  [["dev", "--listen", "nowhere"], /HOST:PORT/],
  [["dev", "--cursor-epoch", "yesterday"], /--cursor-epoch/],
  [["dev", "--stream-root", "streams"], /--stream-root/],
  [["dev", "--config", "/nonexistent/file"], /cannot read/],
])("the command line %j is refused with a reason", (args, reason) => {
  const { code, out, err } = run(args)
  expect(code).not.toBe(0)
  expect(out + err).toMatch(reason)
})

test("a port or a data directory in use is a clear error", async () => {
  const server = await startServer(["serve", "--data-dir", folder.path])
  const { host } = new URL(server.url)
  const port = run(["dev", "--listen", host])
  expect(port.code).toBe(1)
  expect(port.err).toMatch(/cannot listen on .*in use/)
  const directory = run(["serve", "--data-dir", folder.path, "--listen", "127.0.0.1:0"])
  expect(directory.code).toBe(1)
  expect(directory.err).toMatch(/another process uses the data directory/)
  await server.stop()
})

test("SIGTERM drains: readers are told, the append under way is answered, the exit code is 0", async () => {
  for (const server of [await startServer(["dev"]), await startServer(["serve", "--data-dir", join(folder.path, "a")]), await startSplit(join(folder.path, "b"))]) {
    const ds = streams(server.url)
    const path = freshPath("drain")
    const { offset } = await ds.create(path)
    const events = await sse(`${server.url}${path}?offset=-1&live=sse`)
    await events.until(() => events.controls().length > 0)
    const poll = ds.read(path, offset, "&live=long-poll")
    await new Promise((resolve) => setTimeout(resolve, 100))
    const began = Date.now()
    const ended = server.stop()
    expect((await poll).status).toBe(204)
    await events.ended
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(Date.now() - began).toBeLessThan(8_000)
  }
})

test("a server that stops is not ready while it still serves, and stays alive to its probes", async () => {
  const server = await startServer(["dev", "--drain-delay", "1500ms"])
  const ready = async (query = "") => {
    const response = await fetch(`${server.admin}/readyz${query}`)
    return [response.status, await response.text()]
  }
  expect(await ready()).toEqual([200, "ok\n"])
  expect((await ready("?verbose"))[1]).toMatch(/^\[\+\] started ok\n(\[\+\] \w+ ok\n)+ready checks passed\n$/)
  const ended = server.stop()
  await until(async () => (await ready())[0] === 503)
  expect(await ready()).toEqual([503, "draining: the server is stopping\n"])
  expect((await ready("?exclude=draining"))[0]).toBe(200)
  expect((await ready("?verbose&exclude=draining"))[1]).toContain("[-] draining excluded")
  expect((await fetch(`${server.admin}/healthz`)).status).toBe(200)
  expect((await streams(server.url).create(freshPath("late"), { body: "x" })).status).toBe(201)
  const metrics = await (await fetch(`${server.admin}/metrics`)).text()
  expect(metrics).toContain('durable_streams_health_check{check="draining",kind="ready"} 0')
  expect(await ended).toEqual({ code: 0, signal: null })
})

test("a gateway without its storage is alive, but not ready", async () => {
  const server = await startServer(["gateway", "--storage", "127.0.0.1:9"])
  expect((await fetch(`${server.admin}/healthz`)).status).toBe(200)
  const ready = await fetch(`${server.admin}/readyz`)
  expect(ready.status).toBe(503)
  expect(await ready.text()).toBe("storage: no connection to 127.0.0.1:9\n")
  await server.stop()
})

test("the admin listener answers its own paths only, and a port that was asked for must be free", async () => {
  const server = await startServer(["dev"])
  expect((await fetch(`${server.admin}/`)).status).toBe(404)
  expect((await fetch(`${server.admin}/metrics`, { method: "POST" })).status).toBe(405)
  expect((await fetch(`${server.admin}/backup`, { method: "POST" })).status).toBe(404)
  const { host } = new URL(server.admin)
  const taken = run(["dev", "--listen", "127.0.0.1:0", "--admin-listen", host])
  expect(taken.code).toBe(1)
  expect(taken.err).toMatch(/--admin-listen.*in use/)
  await server.stop()
})

test("flags win over the environment, that over the config file", async () => {
  const config = join(folder.path, "config.toml")
  writeFileSync(config, 'stream-root = "/from-config/"\nlong-poll-timeout = "100ms"\n')
  const roots = []
  for (const [args, env] of [
    [[], {}],
    [[], { DS_STREAM_ROOT: "/from-environment/" }],
    [["--stream-root", "/from-flag/"], { DS_STREAM_ROOT: "/from-environment/" }],
  ]) {
    const server = await startServer(["dev", "--config", config, ...args], { env })
    roots.push(new URL(server.url).pathname)
    const ds = streams(server.url)
    const { offset } = await ds.create("x")
    const began = Date.now()
    expect((await ds.read("x", offset, "&live=long-poll")).status).toBe(204)
    expect(Date.now() - began).toBeLessThan(3_000)
    await server.stop()
  }
  expect(roots).toEqual(["/from-config/", "/from-environment/", "/from-flag/"])
})

test("unknown keys of the config file and unknown DS_ variables are warned of by name", async () => {
  const config = join(folder.path, "config.toml")
  // The second is another role's, as where one file serves several.
  writeFileSync(config, 'no-such-key = 1\nstorage = "127.0.0.1:1"\nlong-poll-timeout = "5s"\n')
  const server = await startServer(["dev", "--config", config], { env: { DS_LONG_POL_TIMEOUT: "1s", DS_DURABILITY: "os" } })
  await server.stop()
  expect(server.errors()).toContain("unknown key 'no-such-key'")
  expect(server.errors()).toContain("unknown environment variable DS_LONG_POL_TIMEOUT")
  expect(server.errors()).not.toMatch(/'storage'|'long-poll-timeout'|DS_DURABILITY/)
})

test("a trace goes through gateway and storage, and into both logs; a malformed one is ignored", async () => {
  const debug = ["--log-level", "debug"]
  const server = await startSplit(folder.path, ["--access-log", ...debug], debug)
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  const put = (path, traceparent) => fetch(server.url + path, { method: "PUT", headers: traceparent ? { traceparent } : {} })
  expect((await put("a", `00-${trace}-00f067aa0ba902b7-01`)).status).toBe(201)
  expect((await put("b", "00-this-is-malformed")).status).toBe(201)
  expect((await put("c")).status).toBe(201)
  await server.stop()
  const gateway = server.gateway.errors()
  const storage = server.storage.errors()
  const span = new RegExp(`access trace=${trace} span=([0-9a-f]{16}) operation=create path=a`).exec(gateway)[1]
  expect(span).not.toBe("00f067aa0ba902b7")
  expect(storage).toContain(`trace=${trace} parent=${span}`)
  expect(gateway).toContain("a malformed traceparent is ignored")
  const own = /access trace=([0-9a-f]{32}) span=([0-9a-f]{16}) operation=create path=c/.exec(gateway)
  expect(storage).toContain(`trace=${own[1]} parent=${own[2]}`)
})

test("logs are JSON lines off a terminal, with request ids and without payloads", async () => {
  const child = spawn(binary, ["dev", "--listen", "127.0.0.1:0", "--access-log"], { stdio: ["ignore", "pipe", "pipe"] })
  let log = ""
  child.stderr.on("data", (chunk) => (log += chunk))
  let out = ""
  child.stdout.on("data", (chunk) => (out += chunk))
  await expect.poll(() => out).toMatch(/serving/)
  const ds = streams(/serving (\S+)/.exec(out)[1])
  await ds.create("logged", { body: "secret payload", headers: { authorization: "Bearer secret-token" } })
  await ds.read("logged", "-1", "&secret=query")
  child.kill("SIGTERM")
  await once(child, "exit")
  const lines = log.trim().split("\n").map((line) => JSON.parse(line))
  const access = lines.filter(({ message }) => message.startsWith("access "))
  expect(access.length).toBe(2)
  expect(access[0].message).toMatch(/trace=[0-9a-f]{32} span=[0-9a-f]{16} operation=create path=logged status=201 client=- ms=[\d.]+/)
  expect(log).not.toContain("secret")
  expect(out.trim().split("\n").length).toBe(2)
})

test("the in-memory role keeps nothing and writes no files", async () => {
  const server = await startServer(["dev"])
  await streams(server.url).create("x", { body: "x" })
  await server.stop()
  expect(existsSync("durable-streams")).toBe(false)
  const again = await startServer(["dev"])
  expect((await streams(again.url).head("x")).status).toBe(404)
  await again.stop()
})
