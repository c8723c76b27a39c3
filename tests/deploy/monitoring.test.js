// A real Prometheus scrapes a gateway, a storage and a whole server; alerts and dashboard are held
// against what it finds.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { parse } from "yaml"
import { makeAuthority } from "../harness/certificates.js"
import { chart } from "../harness/kubernetes.js"
import { freePort } from "../harness/proxy.js"
import { startServer, startSplit } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"
import { freshPath, sse, streams, until } from "../harness/streams.js"

const alertsFile = join(chart, "files", "alerts.yaml")
const alerts = parse(readFileSync(alertsFile, "utf8")).groups.flatMap(({ rules }) => rules)
const dashboard = JSON.parse(readFileSync(join(chart, "files", "dashboard.json"), "utf8"))
const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr]))

let folder
let split
let whole
let prometheus
let url
const cleanups = []

/** Something of everything that is counted. */
async function work(root) {
  const ds = streams(root)
  const path = freshPath("work")
  await ds.create(path, { type: "application/json" })
  for (let i = 0; i < 20; i++) await ds.append(path, `[{"i":${i}}]`, { type: "application/json" })
  await ds.read(path)
  await ds.head(path)
  const bytes = freshPath("bytes")
  await ds.create(bytes)
  for (const seq of [0, 1, 1, 5]) await ds.produce(bytes, "p", 1, seq, "x")
  await ds.produce(bytes, "p", 0, 0, "x")
  await ds.fork(freshPath("fork"), new URL(root).pathname + path)
  const events = await sse(`${root}${path}?offset=now&live=sse`)
  await events.until(() => events.controls().length > 0)
  await ds.append(path, "[1]", { type: "application/json" })
  await events.until(() => events.controls().length > 1)
  await ds.remove(bytes)
  await ds.read("none")
  return events
}

beforeAll(async () => {
  folder = scratchFolder()
  split = await startSplit(join(folder.path, "split"))
  const files = makeAuthority(folder.path).issue("server")
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"
  whole = await startServer(["serve", "--data-dir", join(folder.path, "whole"), "--tls-cert", files.certificate, "--tls-key", files.key, "--limit-requests", "1000", "--limit-request-burst", "100000"])
  const host = (server) => new URL(server.admin).host
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  const config = join(folder.path, "prometheus.yml")
  writeFileSync(
    config,
    JSON.stringify({
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [alertsFile],
      scrape_configs: [{ job_name: "durable-streams", static_configs: [{ targets: [host(split.gateway), host(split.storage), host(whole)] }] }],
    }),
  )
  expect(spawnSync("promtool", ["check", "config", config]).status).toBe(0)
  prometheus = spawn("prometheus", [`--config.file=${config}`, `--storage.tsdb.path=${join(folder.path, "tsdb")}`, `--web.listen-address=127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"] })
  prometheus.stderr.resume()
  const receiver = createServer((request, response) => {
    request.resume()
    response.end("{}")
  }).listen(0, "127.0.0.1")
  await once(receiver, "listening")
  cleanups.push(() => receiver.close())
  await until(() => fetch(`${url}/-/ready`).then(({ status }) => status === 200, () => false), 20_000)
  await until(async () => (await query("count_over_time(up[10s]) >= 2")).length === 3, 30_000)
  for (let i = 0; i < 3; i++) {
    cleanups.push(...(await Promise.all([work(split.url), work(whole.url)])).map((events) => () => events.close?.()))
    await new Promise((resolve) => setTimeout(resolve, 1500))
  }
}, 120_000)

afterAll(async () => {
  for (const cleanup of cleanups) await cleanup()
  const ended = once(prometheus, "exit")
  prometheus.kill("SIGTERM")
  await Promise.all([ended, whole.stop(), split.stop()])
  folder.remove()
})

async function query(expr) {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`)
  const { status, data, error } = await response.json()
  expect([expr, status, error]).toEqual([expr, "success", undefined])
  return data.result
}

const scrape = async (server) => (await fetch(`${server.admin}/metrics`)).text()
const exported = async () => new Set([...(await Promise.all([split.gateway, split.storage, whole].map(scrape))).join("\n").matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name, type]) => (type === "histogram" ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name])))
/** Grafana's variables, as they would be filled in. */
const filled = (expr) => expr.replaceAll("$__rate_interval", "10s").replaceAll("$instance", ".*")

test("promtool finds no fault in a live scrape of any role", async () => {
  for (const server of [split.gateway, split.storage, whole]) {
    const result = spawnSync("promtool", ["check", "metrics"], { input: await scrape(server) })
    expect([result.status, String(result.stdout), String(result.stderr)]).toEqual([0, "", ""])
  }
})

test("Prometheus has scraped all of them, and tells them apart", async () => {
  await until(async () => (await query("up == 1")).length === 3)
  const roles = (await query("durable_streams_build_info")).map(({ metric }) => metric.role)
  expect(roles.sort()).toEqual(["gateway", "serve", "storage"])
})

test("what was done is what was counted", async () => {
  const one = async (expr) => Number((await query(expr))[0]?.value[1])
  await until(async () => (await one('sum(durable_streams_http_requests_total{operation="append",status="2xx"})')) >= 6 * 24)
  expect(await one("sum(durable_streams_appends_total)")).toBeGreaterThanOrEqual(6 * 23)
  expect(await one("sum(durable_streams_producer_duplicates_total)")).toBe(6)
  expect(await one('sum(durable_streams_producer_refusals_total{reason="sequence_gap"})')).toBe(6)
  expect(await one('sum(durable_streams_producer_refusals_total{reason="fenced"})')).toBe(6)
  expect(await one("sum(durable_streams_forks_created_total)")).toBe(6)
  expect(await one("sum(durable_streams_streams)")).toBe(12)
  expect(await one('sum(durable_streams_live_readers{mode="sse"})')).toBe(6)
  expect(await one("sum(durable_streams_hop_connected)")).toBe(1)
  expect(await one("sum(durable_streams_hop_requests_total)")).toBeGreaterThan(3 * 30)
  expect(await one("sum(rate(durable_streams_delivery_lag_seconds_count[30s]))")).toBeGreaterThan(0)
})

test("no label takes values that clients choose", async () => {
  const known = { operation: /^[a-z_]+$/, status: /^(none|[1-5]xx)$/, reason: /^[a-z_]+$/, mode: /^(sse|long_poll)$/, loop: /^[a-z]+$/, type: /^(webhook|pull_wake)$/, result: /^(taken|failed)$/, check: /^[a-z_]+$/, kind: /^(live|ready)$/, family: /^[a-z]+$/, limit: /^[a-z_]+$/, version: /^\d+\.\d+\.\d+$/, role: /^[a-z]+$/, le: /^[0-9.e+-]+$|^\+Inf$/ }
  for (const server of [split.gateway, split.storage, whole]) {
    const text = await scrape(server)
    for (const [, label, value] of text.matchAll(/[{,]([a-z_]+)="([^"]*)"/g)) {
      expect(known).toHaveProperty(label)
      expect(value).toMatch(known[label])
    }
    expect(text.split("\n").length).toBeLessThan(900)
  }
})

test.each(queries)("the dashboard's %s: %s", async (_, expr) => {
  const names = await exported()
  for (const [name] of expr.matchAll(/\b(durable_streams|process)_[a-z0-9_]+/g)) expect(names).toContain(name)
  await query(filled(expr))
})

test("the dashboard's panels show something once there is something to show", async () => {
  const silent = []
  for (const [title, expr] of queries) if ((await query(filled(expr))).length === 0) silent.push(title)
  // Without limits of memory, an empty block cache.
  expect(silent.filter((title) => !["Memory", "Block cache hits", "Requests by status"].includes(title))).toEqual([])
})

test.each(alerts)("the alert $alert", async ({ alert, expr, labels, annotations, for: duration }) => {
  const names = new Set([...(await exported()), "up"])
  for (const [name] of expr.matchAll(/\b(?:(?:durable_streams|process)_[a-z0-9_]+|up)\b/g)) expect(names).toContain(name)
  await query(expr)
  expect(labels.severity).toMatch(/^(critical|warning)$/)
  expect(duration).toMatch(/^\d+[mh]$/)
  expect(annotations).toMatchObject({ summary: expect.any(String), description: expect.any(String), runbook_url: `docs/operations.md#${alert.toLowerCase()}` })
  const operations = readFileSync(join(chart, "..", "..", "..", "docs", "operations.md"), "utf8")
  expect(operations).toContain(`### ${alert}\n`)
})

test("no alert fires while all is well", async () => {
  const { data } = await (await fetch(`${url}/api/v1/alerts`)).json()
  expect(data.alerts.filter(({ state }) => state === "firing")).toEqual([])
  const rules = (await (await fetch(`${url}/api/v1/rules`)).json()).data.groups.flatMap((group) => group.rules)
  expect(rules.length).toBe(alerts.length)
  expect(rules.filter(({ health }) => health === "err")).toEqual([])
})

test("promtool: every alert fires when it should, and not before", () => {
  const result = spawnSync("promtool", ["test", "rules", "alerts.yaml"], { cwd: import.meta.dirname })
  expect([result.status, String(result.stdout) + String(result.stderr)]).toEqual([0, expect.stringContaining("SUCCESS")])
  const tested = new Set(parse(readFileSync(join(import.meta.dirname, "alerts.yaml"), "utf8")).tests.flatMap(({ alert_rule_test }) => alert_rule_test.map(({ alertname }) => alertname)))
  for (const { alert } of alerts) expect(tested).toContain(alert)
})
