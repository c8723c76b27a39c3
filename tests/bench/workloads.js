// The workloads: what the load generator is told, on which systems, and what counts as one operation.
// Names follow those that the field publishes.

const all = ["dev", "serve", "gateway+storage", "reference, memory", "reference, file", "control", "control, synced"]
const noFile = all.filter((name) => !name.endsWith("file") && name !== "control, synced")

/** `rate` and `cpu` say which field of the result is the operations, and how often a second they happen. */
const requests = { operations: "requests", rate: "per_second", unit: "requests/s" }
const deliveries = { operations: "deliveries", unit: "deliveries" }

export const workloads = {
  "write-1": { title: "Appends, 256 B, one stream", systems: all, args: ["append", "--streams", 1], ...requests },
  "write-100": { title: "Appends, 256 B, 100 streams", systems: all, args: ["append", "--streams", 100], ...requests },
  "write-1000": { title: "Appends, 256 B, 1,000 streams", systems: all, args: ["append", "--streams", 1000], ...requests },
  "write-100000": { title: "Appends, 256 B, 100,000 streams", systems: ["dev", "serve", "control"], args: ["append", "--streams", 100000], ...requests },
  "write-json": { title: "Appends of 10 JSON messages of 50 B, 100 streams", systems: noFile, args: ["append", "--streams", 100, "--messages", 10, "--size", 50], ...requests },
  "write-json-bytes": { title: "The same bytes as octet-stream", systems: noFile, args: ["append", "--streams", 100, "--size", 511], ...requests },
  "write-1mb": { title: "Appends of 1 MB, 8 connections", systems: noFile, args: ["append", "--size", 1000000, "--connections", 8], ...requests },
  "latency-1": { title: "Append latency, one connection", systems: all, args: ["append", "--connections", 1], ...requests },
  "latency-2000": { title: "Append latency at 2,000/s", systems: noFile, args: ["append", "--streams", 100, "--rate", 2000], ...requests },
  "create": { title: "Creates", systems: noFile, args: ["create"], ...requests },
  "read-100k": { title: "Catch-up of 100 KB in 1,000 records", systems: noFile, args: ["read", "--records", 1000, "--size", 100], body: 100_000, ...requests },
  "read-100k-one": { title: "Catch-up of 100 KB in one record", systems: noFile, args: ["read", "--records", 1, "--size", 100_000], body: 100_000, ...requests },
  "replay-2000": { title: "Replay of 2,000 events of 1 KB", systems: noFile, args: ["read", "--records", 2000, "--size", 1000], body: 2_000_000, ...requests },
  "sse-1000": { title: "SSE, 1,000 readers, 50 events/s", systems: noFile, args: ["sse", "--readers", 1000, "--rate", 50], ...deliveries },
  "sse-10000": { title: "SSE, 10,000 readers, 5 events/s", systems: ["dev", "serve", "gateway+storage", "control"], args: ["sse", "--readers", 10000, "--rate", 5], ...deliveries },
  "sse-many": { title: "SSE, 10,000 streams with one reader each, 500 events/s", systems: ["dev", "serve", "gateway+storage"], args: ["sse", "--readers", 10000, "--streams", 10000, "--rate", 500], ...deliveries },
  "long-poll": { title: "Long-poll round trip", systems: noFile.filter((name) => name !== "control"), args: ["long-poll"], operations: "polls", unit: "polls" },
  "idle-sse": { title: "10,000 idle SSE connections", systems: ["dev"], args: ["idle", "--connections", 10000, "--mode", "sse"], idle: true },
  "idle-long-poll": { title: "10,000 idle long-poll connections", systems: ["dev"], args: ["idle", "--connections", 10000, "--mode", "long-poll"], idle: true },
}
