// The package in a fresh Debian: a root of debootstrap's, in which the image's own steps install it;
// then the README's quick start against the server that runs in there.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import { freePort } from "../harness/proxy.js"
import { until } from "../harness/streams.js"

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const sudo = process.getuid() === 0 ? [] : ["sudo"]
const dockerfile = readFileSync(join(project, "deploy/image/Dockerfile"), "utf8").replaceAll("\\\n", "")
const lastStage = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "))
const instruction = (name) => new RegExp(`^${name} (.*)$`, "m").exec(lastStage)[1]

let root
let server
let base

function run(command, args, options = {}) {
  const all = [...sudo, command, ...args]
  const result = spawnSync(all[0], all.slice(1), { encoding: "utf8", maxBuffer: 1 << 26, ...options })
  expect(result.status, `${all.join(" ")}: ${result.stderr}${result.error ?? ""}`).toBe(0)
  return result.stdout
}
const inside = (...command) => run("chroot", [root, ...command])

beforeAll(async () => {
  const archive = join(project, spawnSync("deploy/package", { cwd: project, encoding: "utf8" }).stdout.trim().split("\n").at(-1))
  root = mkdtempSync(join(tmpdir(), "ds-root-"))
  chmodSync(root, 0o755)
  // From where this machine gets its own packages.
  const site = run("apt-get", ["indextargets", "--format", "$(SITE) $(RELEASE)"]).split("\n").find((line) => line.endsWith(" bookworm")).split(" ")[0]
  run("debootstrap", ["--variant=minbase", "bookworm", root, site])
  run("cp", ["-r", "/etc/apt/.", join(root, "etc/apt/")])
  run("mkdir", [join(root, "install")])
  run("cp", [archive, join(root, "install")])
  run("mount", ["-t", "proc", "proc", join(root, "proc")])
  inside("sh", "-ec", `export DEBIAN_FRONTEND=noninteractive; ${instruction("RUN")}`)
}, 600_000)

afterAll(async () => {
  if (server && server.exitCode === null) {
    const ended = once(server, "exit")
    run("kill", ["-TERM", String(server.pid)])
    await ended
  }
  spawnSync([...sudo, "umount"][0], [...[...sudo, "umount"].slice(1), join(root, "proc")])
  // Whatever is still mounted in there is not ours to remove.
  run("rm", ["-rf", "--one-file-system", root])
})

test("the package is installed with what it needs, and nothing to build with", () => {
  expect(inside("dpkg-query", "-W", "-f=${db:Status-Status}", "durable-streams")).toBe("installed")
  for (const program of ["bazel", "g++", "protoc", "node"]) expect(spawnSync([...sudo, "chroot"][0], [...[...sudo, "chroot"].slice(1), root, "sh", "-c", `command -v ${program}`]).status).not.toBe(0)
  expect(inside("durable-streams", "--version")).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(inside("id", "durable-streams")).toMatch(/uid=\d+\(durable-streams\)/)
  expect(inside("dpkg", "--verify", "durable-streams")).toBe("")
})

test("it serves there, as the image's user and command say", async () => {
  const [user, group] = instruction("USER").split(":")
  const command = [...JSON.parse(instruction("ENTRYPOINT")), ...JSON.parse(instruction("CMD"))]
  const port = await freePort()
  const admin = await freePort()
  // Loopback instead of all addresses.
  const local = [...command.filter((part) => !/^--(admin-)?listen/.test(part)), `--listen=127.0.0.1:${port}`, `--admin-listen=127.0.0.1:${admin}`]
  server = spawn([...sudo, "chroot"][0], [...[...sudo, "chroot"].slice(1), `--userspec=${user}:${group}`, root, ...local], { stdio: ["ignore", "ignore", "pipe"] })
  let errors = ""
  server.stderr.on("data", (chunk) => (errors += chunk))
  await until(() => {
    if (server.exitCode !== null) throw new Error(errors)
    return fetch(`http://127.0.0.1:${admin}/readyz`).then(({ status }) => status === 200, () => false)
  }, 30_000)
  base = `http://127.0.0.1:${port}`
})

test("the README's quick start works against it", () => {
  const readme = readFileSync(join(project, "README.md"), "utf8")
  const block = readme.match(/```sh\n(S=[^]*?)```/)[1]
  const lines = block.replaceAll("http://localhost:4437", base).replaceAll("curl -N ", "curl -N -m 2 ").trim().split("\n")
  expect(lines.length).toBeGreaterThan(7)
  const answers = lines.slice(1).map((line) => {
    const result = spawnSync("bash", ["-c", `${lines[0]}\n${line}`], { encoding: "utf8" })
    return [line.replace(/ *#.*/, ""), result.stdout]
  })
  const statuses = answers.map(([, out]) => /^HTTP\/1\.1 (\d+)/.exec(out)?.[1])
  expect(statuses).toEqual(["201", "204", "204", "200", undefined, "204", "204"])
  expect(answers[3][1]).toMatch(/Hello, world!$/)
  expect(answers[4][1]).toMatch(/event: data\ndata:Hello, world!\nid: \S+\n\nevent: control\n/)
  expect(answers[5][1]).toMatch(/Stream-Closed: true/i)
})

test("the same with the program's own commands", () => {
  const stream = (...args) => inside("durable-streams", "stream", ...args, "--server", `${base}/v1/stream/`)
  stream("create", "inside", "--content-type", "text/plain")
  stream("append", "inside", "--data", "from within")
  expect(stream("read", "inside")).toBe("from within")
})
