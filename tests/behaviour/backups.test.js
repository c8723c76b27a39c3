// Damaged backups: each is named, the exit code says so, and no other one is taken in its place.
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { binary, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { streams } from "../harness/streams.js"

let folder
let backups
let data
let server
beforeEach(() => {
  folder = scratchFolder()
  backups = join(folder.path, "backups")
  data = join(folder.path, "data")
})
afterEach(async () => {
  await server?.stop()
  server = undefined
  folder.remove()
})

function run(...args) {
  const result = spawnSync(binary, args, { timeout: 30_000 })
  return { code: result.status, out: String(result.stdout), err: String(result.stderr) }
}
const start = async () => {
  server = await startServer(["serve", "--data-dir", data, "--backup-dir", backups])
  return streams(server.url)
}
const backup = () => run("backup", "--admin", server.admin)

/** Two backups, of which only the newer one has `s` with "two", each with table files of its own. */
async function makeTwo() {
  let ds = await start()
  await ds.create("s", { type: "text/plain", body: "one" })
  await server.stop() // a start makes tables of the log
  ds = await start()
  expect(backup().code).toBe(0)
  await ds.append("s", "two", { type: "text/plain" })
  await server.stop()
  await start()
  expect(backup().code).toBe(0)
  await server.stop()
  server = undefined
}

/** A file of the second backup alone. */
function fileOfSecond() {
  const shared = (id) => readFileSync(join(backups, "meta", id), "utf8").split("\n").map((line) => line.split(" ")[0]).filter((name) => name.endsWith(".sst"))
  const first = shared("1")
  return join(backups, shared("2").find((name) => !first.includes(name)))
}

const damages = {
  "a file is missing": () => rmSync(fileOfSecond()),
  "a file is shorter": () => truncateSync(fileOfSecond(), statSync(fileOfSecond()).size - 1),
  "a private file is missing": () => {
    const own = join(backups, "private", "2")
    rmSync(join(own, readdirSync(own).find((name) => name.startsWith("MANIFEST"))))
  },
  "the metadata is broken": () => writeFileSync(join(backups, "meta", "2"), "nonsense"),
  "the metadata is empty": () => writeFileSync(join(backups, "meta", "2"), ""),
  "the metadata is missing": () => rmSync(join(backups, "meta", "2")),
}

test.each(Object.keys(damages))("%s: named by --list and --verify, and refused by restore", async (what) => {
  await makeTwo()
  damages[what]()
  for (const how of ["--list", "--verify"]) {
    const listed = run("backup", how, "--backup-dir", backups)
    expect(listed.out).toMatch(/^1 {2}20.*\n2 {2}DAMAGED {2}.+\n$/)
    expect([how, listed.code]).toEqual([how, 1])
    expect(listed.err).toMatch(/1 of 2 backups are damaged/)
  }
  const restored = join(folder.path, "restored")
  const refused = run("restore", "--backup-dir", backups, "--data-dir", restored)
  expect(refused.code).toBe(1)
  expect(refused.err).toMatch(/backup 2, the newest, is damaged.*--id names it: 1/)
  expect(existsSync(restored)).toBe(false)
  expect(run("restore", "--backup-dir", backups, "--data-dir", restored, "--id", "2").err).toMatch(/backup 2 is damaged/)
  // The older one, when it is asked for.
  expect(run("restore", "--backup-dir", backups, "--data-dir", restored, "--id", "1").code).toBe(0)
  data = restored
  expect((await (await start()).all("s")).toString()).toBe("one")
})

test("a byte that was changed is found by --verify and by restore", async () => {
  await makeTwo()
  const file = fileOfSecond()
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1] ^= 1
  writeFileSync(file, bytes)
  const verified = run("backup", "--verify", "--backup-dir", backups)
  expect(verified.code).toBe(1)
  expect(verified.out).toMatch(/^1 {2}20.*\n2 {2}DAMAGED .*hecksum/)
  expect(run("restore", "--backup-dir", backups, "--data-dir", join(folder.path, "restored")).err).toMatch(/backup 2, the newest, is damaged/)
})

test("a new backup that would rest on a damaged file fails, and does not stay", async () => {
  await makeTwo()
  const file = fileOfSecond()
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1] ^= 1
  writeFileSync(file, bytes)
  const made = run("backup", "--data-dir", data, "--backup-dir", backups)
  expect(made.code).toBe(1)
  expect(made.err).toMatch(/backup 3 was made but cannot be restored, and was removed again/)
  expect(run("backup", "--list", "--backup-dir", backups).out).not.toMatch(/^3/m)
  expect(run("backup", "--data-dir", data, "--backup-dir", join(folder.path, "others")).code).toBe(0)
  // The server says the same.
  await start()
  const answer = await fetch(`${server.admin}/backup`, { method: "POST" })
  expect(answer.status).toBe(500)
  expect(await answer.text()).toMatch(/cannot be restored/)
})
