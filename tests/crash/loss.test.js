// A restore of an older backup, as an operator makes one, under clients that were ahead of it.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { freePort } from "../harness/proxy.js"
import { binary, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { streams } from "../harness/streams.js"

let folder, server, port, backups
beforeEach(async () => {
  folder = scratchFolder()
  backups = join(folder.path, "backups")
  port = await freePort()
})
afterEach(async () => {
  await server?.stop()
  folder.remove()
})

const start = async (data) => {
  server = await startServer(["serve", "--data-dir", join(folder.path, data), "--backup-dir", backups, "--listen", `127.0.0.1:${port}`, "--long-poll-timeout", "500ms"])
  return streams(server.url)
}
const command = (...args) => {
  const result = spawnSync(binary, args, { encoding: "utf8" })
  expect(result.status, result.stderr).toBe(0)
}

/** A stream that had " and lost" after "kept" before it was restored; resolves to calls and offsets. */
async function restored(type = "application/octet-stream") {
  let ds = await start("data")
  await ds.create("s", { type })
  const kept = (await ds.append("s", "kept", { type })).offset
  command("backup", "--admin", server.admin)
  const ahead = (await ds.append("s", " and lost", { type })).offset
  const etag = (await ds.read("s")).headers.get("etag")
  await server.stop()
  command("restore", "--backup-dir", backups, "--data-dir", join(folder.path, "restored"))
  ds = await start("restored")
  return { ds, kept, ahead, etag }
}

test("a reader that was ahead is told that its place is gone, before and after new appends", async () => {
  const { ds, kept, ahead } = await restored()
  const modes = ["", "&live=long-poll", "&live=sse"]
  for (const live of modes) expect((await ds.read("s", ahead, live)).status, live).toBe(410)
  for (const body of [" and", " more", " than there was before"]) {
    await ds.append("s", body)
    for (const live of modes) expect((await ds.read("s", ahead, live)).status, live).toBe(410)
  }
  expect((await ds.read("s", kept)).text).toBe(" and more than there was before")
  expect((await ds.read("s")).text).toBe("kept and more than there was before")
})

test("an answer that a cache kept is not taken for the new one", async () => {
  const { ds, etag } = await restored()
  await ds.append("s", " and lost".replaceAll(/[a-z]/g, "x"))
  const answer = await ds.call("GET", "s", { query: "?offset=-1", headers: { "if-none-match": etag } })
  expect(answer.status).toBe(200)
  expect(answer.text).toBe("kept xxx xxxx")
})

test("an offset plus one is the same place, as clients that compute with offsets need it", async () => {
  const ds = await start("data")
  await ds.create("s")
  const first = (await ds.append("s", "one")).offset
  const next = first.slice(0, 17) + String(BigInt(first.slice(17)) + 1n).padStart(16, "0")
  expect((await ds.read("s", next)).offset).toBe(first)
  await ds.append("s", "two")
  expect((await ds.read("s", next)).text).toBe("two")
})
