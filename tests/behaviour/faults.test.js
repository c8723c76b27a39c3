// The world fails: the storage goes away, the disk fills up.
import { spawnSync } from "node:child_process"
import { closeSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, sse, streams } from "../harness/streams.js"

test("a gateway without its storage answers 503 with Retry-After, and recovers by itself", async () => {
  const folder = scratchFolder()
  let storage = await startServer(["storage", "--data-dir", folder.path])
  const address = storage.url
  const gateway = await startServer(["gateway", "--storage", address, "--long-poll-timeout", "5s"])
  const ds = streams(gateway.url)
  const path = freshPath("away")
  const { offset } = await ds.create(path, { body: "before;" })
  const poll = ds.read(path, offset, "&live=long-poll")
  const events = await sse(`${gateway.url}${path}?offset=now&live=sse`)
  await events.until(() => events.controls().length > 0)

  await storage.kill()
  await events.ended // the client reconnects by itself
  expect([204, 503]).toContain((await poll).status)
  for (const call of [() => ds.append(path, "lost"), () => ds.read(path), () => ds.head(path), () => ds.create(freshPath("x")), () => ds.remove(path)]) {
    await expect.poll(async () => (await call()).status, { timeout: 5_000 }).toBe(503)
    const refused = await call()
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/)
    expect(refused.headers.get("x-request-id")).toMatch(/\S+/)
    if (refused.text) expect(JSON.parse(refused.text).code).toBe("storage-unavailable")
  }
  const slow = Date.now()
  await ds.head(path)
  expect(Date.now() - slow).toBeLessThan(2_000)

  storage = await startServer(["storage", "--data-dir", folder.path, "--listen", address])
  await expect.poll(async () => (await ds.head(path)).status, { timeout: 3_000 }).toBe(200)
  expect((await ds.append(path, "after;")).status).toBe(204)
  expect((await ds.read(path)).text).toBe("before;after;")
  await gateway.stop()
  await storage.stop()
  folder.remove()
})

test("a gateway may start before its storage", async () => {
  const folder = scratchFolder()
  const probe = await startServer(["storage", "--data-dir", folder.path])
  const address = probe.url
  await probe.stop()
  const gateway = await startServer(["gateway", "--storage", address])
  const ds = streams(gateway.url)
  await expect.poll(async () => (await ds.head("x")).status, { timeout: 10_000 }).toBe(503)
  const storage = await startServer(["storage", "--data-dir", folder.path, "--listen", address])
  await expect.poll(async () => (await ds.head("x")).status, { timeout: 10_000 }).toBe(404)
  await gateway.stop()
  await storage.stop()
  folder.remove()
})

// A small file system of its own needs root; as another user a mount namespace does not help either.
test.skipIf(process.getuid() !== 0)("a full disk refuses appends, serves reads, and takes appends again without a restart", async () => {
  const folder = scratchFolder()
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", folder.path])
  expect(mounted.status, String(mounted.stderr)).toBe(0)
  let server
  try {
    server = await startServer(["serve", "--data-dir", join(folder.path, "data")])
    const ds = streams(server.url)
    const path = freshPath("full")
    await ds.create(path)
    const acknowledged = []
    const add = async (i) => {
      const body = `${String(i).padStart(8)}:${"x".repeat(200_000)};`
      const answer = await ds.append(path, body)
      if (answer.status === 204) acknowledged.push(String(i))
      return answer
    }
    for (let i = 0; i < 20; i++) expect((await add(i)).status).toBe(204)

    const ballast = join(folder.path, "ballast")
    const file = openSync(ballast, "w")
    try {
      while (writeSync(file, Buffer.alloc(1 << 16)) > 0);
    } catch (error) {
      expect(error.code).toBe("ENOSPC")
    }
    closeSync(file)

    let refused
    for (let i = 20; i < 400; i++) {
      refused = await add(i)
      if (refused.status !== 204) break
    }
    expect([503, 507]).toContain(refused.status)
    expect(JSON.parse(refused.text).code).toMatch(/^(storage-full|write-uncertain|storage-unavailable)$/)
    for (let i = 400; i < 405; i++) expect([503, 507]).toContain((await add(i)).status)
    const numbers = (bytes) => [...bytes.toString().matchAll(/ *(\d+):x*;/g)].map((match) => match[1])
    expect(numbers(await ds.all(path))).toEqual(acknowledged)

    rmSync(ballast)
    await expect.poll(async () => (await add(500)).status, { timeout: 20_000, interval: 300 }).toBe(204)
    for (let i = 501; i < 510; i++) expect((await add(i)).status).toBe(204)
    expect(numbers(await ds.all(path))).toEqual(acknowledged)
    await server.kill()
    server = await startServer(["serve", "--data-dir", join(folder.path, "data")])
    expect(numbers(await streams(server.url).all(path))).toEqual(acknowledged)
  } finally {
    await server?.stop()
    spawnSync("umount", [folder.path])
    folder.remove()
  }
})
