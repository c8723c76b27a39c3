// The chart, by the real helm; every object that it renders is held against the schemas of
// Kubernetes, cert-manager, the Gateway API and the Prometheus operator.
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { parseAllDocuments } from "yaml"
import { chart, helm } from "../harness/kubernetes.js"
import { binary, startServer } from "../harness/server.js"
import { scratchFolder } from "../harness/setups.js"

const packages = { "gateway.networking.k8s.io": "@kubernetes-models/gateway-api", "cert-manager.io": "@kubernetes-models/cert-manager", "monitoring.coreos.com": "@kubernetes-models/prometheus-operator" }

let folder
beforeAll(() => {
  folder = scratchFolder()
})
afterAll(() => folder.remove())

/** The class that knows the schema of an object's kind. */
async function model({ apiVersion, kind }) {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion]
  const from = packages[group] ?? "kubernetes-models"
  return (await import(`${from}/${group ? `${group}/` : ""}${version}`))[kind]
}

function template(values = {}, ...args) {
  const file = join(folder.path, "values.json")
  writeFileSync(file, JSON.stringify(values))
  return helm(["template", "release", chart, "--namespace", "prod", "-f", file, ...args])
}

function render(values, ...args) {
  const { code, out, err } = template(values, ...args)
  expect([code, err]).toEqual([0, ""])
  return parseAllDocuments(out)
    .map((document) => {
      expect(document.errors).toEqual([])
      return document.toJS()
    })
    .filter(Boolean)
}

const find = (objects, kind, suffix = "") => objects.find((one) => one.kind === kind && one.metadata.name.endsWith(suffix))
const pods = (objects) => objects.flatMap((one) => (one.kind === "Pod" ? [one.spec] : one.spec?.template?.spec ? [one.spec.template.spec] : []))

const operators = ["--api-versions", "monitoring.coreos.com/v1"]
const everything = {
  mode: "split",
  config: { "sse-reconnect-interval": "30s", registry: true },
  commonLabels: { team: "streams" },
  gateway: {
    autoscaling: { enabled: true },
    config: { "limit-requests": 100 },
    podAnnotations: { a: "b" },
    podLabels: { c: "d" },
    nodeSelector: { pool: "edge" },
    tolerations: [{ key: "edge", operator: "Exists" }],
    priorityClassName: "high",
    extraEnv: [{ name: "DS_LOG_LEVEL", value: "debug" }],
    extraEnvFrom: [{ secretRef: { name: "env" } }],
    extraVolumes: [{ name: "extra", emptyDir: {} }],
    extraVolumeMounts: [{ name: "extra", mountPath: "/extra" }],
  },
  storage: { pdb: { enabled: true }, persistence: { size: "1Ti", storageClass: "fast", annotations: { keep: "yes" } } },
  tls: { enabled: true, certManager: { enabled: true, issuerRef: { name: "issuer" }, dnsNames: ["streams.example.com"] } },
  hopTls: { enabled: true, storageSecret: "hop-storage", gatewaySecret: "hop-gateway" },
  secretsKey: { existingSecret: "secrets" },
  auth: { config: { anonymous: { rules: [{ paths: ["public/**"], operations: ["read"] }] } }, url: "https://auth.example.com/check" },
  ingress: { enabled: true, className: "nginx", hosts: [{ host: "streams.example.com" }], tls: [{ secretName: "t", hosts: ["streams.example.com"] }] },
  httpRoute: { enabled: true, parentRefs: [{ name: "gw" }], hostnames: ["streams.example.com"] },
  networkPolicy: { ingressFrom: [{ podSelector: {} }], metricsFrom: [{ namespaceSelector: {} }], egressTo: [{ ipBlock: { cidr: "0.0.0.0/0" } }] },
  serviceMonitor: { enabled: true, labels: { release: "prometheus" } },
  prometheusRule: { enabled: true, runbookUrl: "https://runbooks.example.com/" },
  dashboard: { enabled: true },
}
const matrix = {
  defaults: {},
  "standalone without a volume": { storage: { persistence: { enabled: false } } },
  "an existing claim": { storage: { persistence: { existingClaim: "mine" } } },
  split: { mode: "split" },
  "split with one gateway": { mode: "split", gateway: { replicas: 1 } },
  "a TLS secret": { tls: { enabled: true, existingSecret: "mine" } },
  "an auth secret": { auth: { existingSecret: "mine" } },
  "a key for secrets": { secretsKey: { existingSecret: "mine" } },
  "an image by digest": { image: { digest: `sha256:${"0".repeat(64)}` } },
  "a load balancer": { service: { type: "LoadBalancer", port: 443, annotations: { x: "y" } } },
  "nothing extra": { networkPolicy: { enabled: false }, serviceAccount: { create: false }, test: { enabled: false }, serviceMonitor: { enabled: false }, prometheusRule: { enabled: false } },
  everything,
  "everything, standalone": { ...everything, mode: "standalone", hopTls: { enabled: false } },
}

test("the schemas refuse what Kubernetes would", async () => {
  const deployment = find(render({ mode: "split" }), "Deployment")
  const Model = await model(deployment)
  new Model(deployment).validate()
  deployment.spec.template.spec.containers[0].ports[0].containerPort = "http"
  expect(() => new Model(deployment).validate()).toThrow()
})

test("lint finds no fault", () => {
  const { code, out } = helm(["lint", "--strict", chart])
  expect([code, out]).toEqual([0, expect.stringContaining("0 chart(s) failed")])
})

test.each(Object.entries(matrix))("with %s every object fits its schema", async (_, values) => {
  for (const flags of [[], operators]) {
    const objects = render(values, ...flags)
    expect(objects.length).toBeGreaterThan(4)
    for (const object of objects) {
      const Model = await model(object)
      expect([object.kind, Model]).toEqual([object.kind, expect.any(Function)])
      new Model(object).validate()
    }
    const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`)
    expect(new Set(names).size).toBe(names.length)
  }
})

test.each(Object.entries(matrix))("with %s pods run restricted and without a token", (_, values) => {
  const specs = pods(render(values))
  expect(specs.length).toBeGreaterThan(0)
  for (const spec of specs) {
    expect(spec.automountServiceAccountToken).toBe(false)
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } })
    for (const container of spec.containers) {
      expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } })
    }
    // Every mount has its volume (or claim template).
    const volumes = new Set(["data", ...(spec.volumes ?? []).map(({ name }) => name)])
    for (const mount of spec.containers.flatMap(({ volumeMounts = [] }) => volumeMounts)) expect(volumes).toContain(mount.name)
  }
})

test("secrets are files that only their user and group read, and the key for those at rest goes where the data is", () => {
  for (const objects of [render(everything), render({ ...everything, mode: "standalone", hopTls: { enabled: false } })]) {
    const workloads = objects.filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet")
    const secrets = pods(workloads).flatMap(({ volumes = [] }) => volumes.filter(({ secret }) => secret))
    expect(secrets.length).toBeGreaterThan(2)
    for (const { secret } of secrets) expect(secret.defaultMode).toBe(0o440)
    for (const { kind, spec } of workloads) {
      const { containers, volumes } = spec.template.spec
      expect([kind, volumes.some(({ name }) => name === "secrets")]).toEqual([kind, kind === "StatefulSet"])
      expect(containers[0].volumeMounts.some(({ mountPath }) => mountPath === "/etc/durable-streams/secrets")).toBe(kind === "StatefulSet")
    }
  }
})

test("there is time to drain before the pod is killed", () => {
  const objects = render({ mode: "split", drain: { delaySeconds: 7, timeoutSeconds: 50 } })
  for (const spec of pods(objects).filter(({ restartPolicy }) => restartPolicy !== "Never")) {
    expect(spec.terminationGracePeriodSeconds).toBe(67)
    expect(spec.containers[0].lifecycle.preStop.exec.command).toEqual(["sleep", "7"])
    expect(spec.containers[0].readinessProbe.httpGet).toEqual({ path: "/readyz", port: "admin" })
    expect(spec.containers[0].livenessProbe.httpGet).toEqual({ path: "/healthz", port: "admin" })
  }
  for (const part of ["storage", "gateway"]) expect(find(objects, "ConfigMap", part).data["config.toml"]).toContain('drain-timeout = "50s"')
})

test("no disruption budget keeps a single replica from moving", () => {
  for (const object of render(everything).filter(({ kind }) => kind === "PodDisruptionBudget")) {
    expect(object.spec.minAvailable).toBeUndefined()
    expect(object.spec.maxUnavailable).toBeGreaterThan(0)
  }
  expect(template({ storage: { pdb: { maxUnavailable: 0 } } }).code).not.toBe(0)
})

test("volumes stay when the release goes", () => {
  const set = find(render({}), "StatefulSet")
  expect(set.spec.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: "Retain", whenScaled: "Retain" })
  expect(set.spec.replicas).toBe(1)
})

test("objects of operators appear where the cluster knows them, or when asked for", () => {
  const kinds = (values, ...flags) => render(values, ...flags).map(({ kind }) => kind)
  for (const [kind, key] of [["ServiceMonitor", "serviceMonitor"], ["PrometheusRule", "prometheusRule"]]) {
    expect(kinds({})).not.toContain(kind)
    expect(kinds({}, ...operators)).toContain(kind)
    expect(kinds({ [key]: { enabled: true } })).toContain(kind)
    expect(kinds({ [key]: { enabled: false } }, ...operators)).not.toContain(kind)
  }
})

test("a change of the configuration changes the pods", () => {
  const sum = (values) => find(render(values), "StatefulSet").spec.template.metadata.annotations
  expect(sum({})["checksum/config"]).toBe(sum({})["checksum/config"])
  expect(sum({ config: { registry: true } })["checksum/config"]).not.toBe(sum({})["checksum/config"])
  const auth = (paths) => ({ auth: { config: { anonymous: { rules: [{ paths, operations: ["read"] }] } } } })
  expect(sum(auth(["a"]))["checksum/auth"]).not.toBe(sum(auth(["b"]))["checksum/auth"])
})

test("selectors meet their pods, and services their ports", () => {
  const objects = render(everything)
  const templates = objects.filter(({ spec }) => spec?.template)
  for (const service of objects.filter(({ kind }) => kind === "Service")) {
    const chosen = templates.filter(({ spec }) => Object.entries(service.spec.selector).every(([key, value]) => spec.template.metadata.labels[key] === value))
    expect([service.metadata.name, chosen.length]).toEqual([service.metadata.name, service.metadata.name.endsWith("admin") ? 2 : 1])
    for (const { spec } of chosen) {
      const ports = spec.template.spec.containers[0].ports.map(({ name }) => name)
      for (const port of service.spec.ports) expect(ports).toContain(port.targetPort)
    }
  }
})

test("runbook links lead where the values say", () => {
  const rules = find(render(everything), "PrometheusRule").spec.groups.flatMap(({ rules }) => rules)
  expect(rules.length).toBeGreaterThan(10)
  for (const rule of rules) expect(rule.annotations.runbook_url).toBe(`https://runbooks.example.com/${rule.alert.toLowerCase()}`)
})

test("the program knows every option that the chart writes, and serves with them", async () => {
  for (const object of render({ ...everything, tls: { enabled: false }, hopTls: { enabled: false } }).filter(({ kind, data }) => kind === "ConfigMap" && data["config.toml"])) {
    const role = object.metadata.name.endsWith("gateway") ? "gateway" : "storage"
    const file = join(folder.path, `${role}.toml`)
    const local = object.data["config.toml"].replace("/etc/durable-streams/auth/auth.json", join(folder.path, "auth.json")).replace("/etc/durable-streams/secrets/secrets.key", join(folder.path, "secrets.key")).replace(/0\.0\.0\.0:\d+/g, "127.0.0.1:0").replace("/var/lib/durable-streams", join(folder.path, "data")).replace(/storage = ".*"/, 'storage = "127.0.0.1:1"')
    writeFileSync(file, local)
    writeFileSync(join(folder.path, "auth.json"), JSON.stringify(everything.auth.config))
    writeFileSync(join(folder.path, "secrets.key"), "5e".repeat(32))
    const server = await startServer([role, "--config", file])
    await server.stop()
    expect(server.errors()).not.toContain("unknown")
  }
})

test("the test hook's script works against a server", async () => {
  const pod = find(render({}), "Pod", "test")
  expect(pod.metadata.annotations["helm.sh/hook"]).toBe("test")
  const server = await startServer(["dev"])
  const script = pod.spec.containers[0].args[0].replaceAll("durable-streams stream", `${binary} stream`)
  const run = (url) => spawnSync("sh", ["-ec", script], { env: { ...process.env, DS_SERVER: url } })
  const good = run(server.url)
  expect([good.status, String(good.stderr)]).toEqual([0, ""])
  expect(run("http://127.0.0.1:9/v1/stream/").status).not.toBe(0)
  await server.stop()
})

test.each([
  [{ mode: "cluster" }, /mode/],
  [{ unknown: 1 }, /unknown/i],
  [{ gateway: { replica: 3 } }, /replica/],
  [{ gateway: { replicas: 0 } }, /replicas/],
  [{ storage: { persistence: { size: "lots" } } }, /size/],
  [{ storage: { persistence: { accessModes: ["ReadWriteMany"] } } }, /accessModes/],
  [{ image: { digest: "latest" } }, /digest/],
  [{ config: { listen: { host: "x" } } }, /config/],
  [{ service: { port: 0 } }, /port/],
  [{ serviceMonitor: { enabled: "yes" } }, /serviceMonitor/],
  [{ auth: { url: "auth.example.com" } }, /url/],
  [{ auth: { existingSecret: "a", config: { keys: [] } } }, /exclude each other/],
  [{ tls: { enabled: true } }, /tls.existingSecret/],
  [{ tls: { enabled: true, certManager: { enabled: true } } }, /issuerRef/],
  [{ hopTls: { enabled: true } }, /hopTls/],
  [{ httpRoute: { enabled: true } }, /parentRefs/],
  [{ mode: "split", gateway: { autoscaling: { enabled: true, minReplicas: 5, maxReplicas: 2 } } }, /minReplicas/],
])("values %j are refused", (values, reason) => {
  const { code, err } = template(values)
  expect(code).not.toBe(0)
  expect(err).toMatch(reason)
})

test("the schema is closed: every object in it names its members, or is the user's own", () => {
  const schema = JSON.parse(readFileSync(join(chart, "values.schema.json"), "utf8"))
  const walk = (node, path) => {
    if (node.properties) {
      expect([path, node.additionalProperties]).toEqual([path, false])
      for (const [name, child] of Object.entries(node.properties)) walk(child, `${path}.${name}`)
    }
    if (node.items) walk(node.items, `${path}[]`)
  }
  walk(schema, "values")
})
