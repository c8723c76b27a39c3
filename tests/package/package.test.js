// The Debian package: what is in it, and that what is in it runs.
import { spawnSync } from "node:child_process"
import { readFileSync, readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import { scratchFolder } from "../harness/setups.js"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
let folder
let archive

function run(command, ...args) {
  const result = spawnSync(command, args, { cwd: root, env: process.env })
  expect(result.status, `${command}: ${result.stderr}`).toBe(0)
  return String(result.stdout)
}

beforeAll(() => {
  folder = scratchFolder()
  archive = join(root, run("deploy/package").trim().split("\n").at(-1))
  run("dpkg-deb", "-x", archive, join(folder.path, "root"))
  run("dpkg-deb", "-e", archive, join(folder.path, "control"))
}, 600_000)
afterAll(() => folder.remove())

test("dpkg can resolve what it needs: the libraries, by the packages that have them", () => {
  const depends = run("dpkg-deb", "-f", archive, "Depends")
  for (const library of ["libc6", "librocksdb7.8", "libgrpc++1.51", "libprotobuf32", "adduser"]) expect(depends).toContain(library)
})

test("its program is the one that was built", () => {
  const program = join(folder.path, "root/usr/bin/durable-streams")
  const version = run(program, "--version").trim()
  expect(run("dpkg-deb", "-f", archive, "Version").trim()).toBe(version)
  expect(run("readelf", "-d", program)).toMatch(/RUNPATH.*\[\/usr\/lib\/durable-streams\]/)
})

test("its configuration file is accepted, and kept at upgrades", () => {
  const file = join(folder.path, "root/etc/durable-streams.toml")
  const program = join(folder.path, "root/usr/bin/durable-streams")
  // Its data directory is not ours to write to: the flag wins over the file.
  const result = spawnSync(program, ["serve", "--config", file, "--data-dir", "/proc/none", "--listen", "127.0.0.1:0"])
  expect(result.status).toBe(1)
  expect(String(result.stderr)).toContain("/proc/none")
  expect(readFileSync(join(folder.path, "control/conffiles"), "utf8")).toBe("/etc/durable-streams.toml\n")
})

test("its scripts are valid shell, its unit one that systemd would read", () => {
  for (const script of readdirSync(join(folder.path, "control")).filter((name) => /^(pre|post)/.test(name))) {
    run("sh", "-n", join(folder.path, "control", script))
  }
  const unit = readFileSync(join(folder.path, "root/lib/systemd/system/durable-streams.service"), "utf8")
  expect(unit).toContain("ExecStart=/usr/bin/durable-streams serve --config /etc/durable-streams.toml")
  for (const line of unit.split("\n")) expect(line).toMatch(/^$|^#|^\[\w+\]$|^\w+=/)
})
