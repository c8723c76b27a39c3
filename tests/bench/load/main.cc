// The load generator: load WORKLOAD --url http://HOST:PORT/v1/stream/ [OPTIONS]. Prints when
// it measures, and one line of JSON. One thread, so that it takes no more than one core from the
// server beside it.

#include <sys/resource.h>

#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "tests/bench/load/workloads.h"

int main(int argc, char** argv) {
  using namespace ds::bench;  // NOLINT(google-build-using-namespace): this file is nothing else
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);

  CLI::App app("Load for a Durable Streams server", "load");
  app.require_subcommand(1);
  CommonOptions common;
  AppendOptions append;
  ReadOptions read;
  FanOutOptions fan;
  StreamsOptions streams;
  std::string prefix = "create";
  std::string mode = "sse";
  std::string result;
  const auto add = [&](const std::string& name, const std::string& help) {
    CLI::App* const sub = app.add_subcommand(name, help);
    sub->add_option("--url", common.url)->required();
    sub->add_option("--connections", common.connections)->capture_default_str();
    sub->add_option("--seconds", common.seconds, "measured")->capture_default_str();
    sub->add_option("--warmup", common.warmup, "seconds before that")->capture_default_str();
    return sub;
  };
  CLI::App* sub = add("append", "Append to streams in turn");
  sub->add_option("--streams", append.streams)->capture_default_str();
  sub->add_option("--size", append.size, "bytes of a body or message")->capture_default_str();
  sub->add_option("--messages", append.messages, "JSON messages in an append; 0 for bytes");
  sub->add_option("--rate", append.rate, "appends a second; 0 for as fast as it goes");
  sub->add_flag("--create,!--no-create", append.create, "make the streams first");
  sub->add_option("--prefix", append.prefix, "of the streams' paths")->capture_default_str();
  sub->callback([&] { result = Appends(common, append); });

  sub = add("create", "Create streams");
  sub->add_option("--prefix", prefix, "of the streams' paths")->capture_default_str();
  sub->callback([&] { result = Creates(common, prefix); });

  sub = add("mixed", "Append, read, HEAD and create");
  sub->callback([&] { result = Mixed(common); });

  sub = add("read", "Read streams from the beginning");
  sub->add_option("--streams", read.streams)->capture_default_str();
  sub->add_option("--records", read.records)->capture_default_str();
  sub->add_option("--size", read.size, "bytes of a record")->capture_default_str();
  sub->add_flag("--one-append", read.one_append, "all records in one append");
  sub->callback([&] { result = Reads(common, read); });

  sub = add("sse", "Deliver events to many readers");
  sub->add_option("--readers", fan.readers)->capture_default_str();
  sub->add_option("--streams", fan.streams)->capture_default_str();
  sub->add_option("--rate", fan.rate, "events a second")->capture_default_str();
  sub->add_option("--size", fan.size, "bytes of an event")->capture_default_str();
  sub->callback([&] { result = FanOut(common, fan); });

  sub = add("long-poll", "Deliver events to one reader by long-poll");
  sub->callback([&] { result = LongPoll(common); });

  const auto add_streams = [&](const std::string& name, const std::string& help) {
    CLI::App* const streams_sub = add(name, help);
    streams_sub->add_option("--count", streams.count)->capture_default_str();
    streams_sub->add_option("--size", streams.size, "bytes of each")->capture_default_str();
    streams_sub->add_option("--expires-at", streams.expires_at, "RFC 3339");
    streams_sub->add_option("--prefix", streams.prefix, "of their paths")->capture_default_str();
    streams_sub->add_option("--rate", streams.rate, "appends a second")->capture_default_str();
    streams_sub->add_option("--seed", streams.seed)->capture_default_str();
    return streams_sub;
  };
  sub = add_streams("make", "Make streams");
  sub->callback([&] { result = MakeStreams(common, streams); });
  sub = add_streams("delete", "Delete them, with appends to others beside it");
  sub->callback([&] { result = Deletes(common, streams); });
  sub = add_streams("beside", "Only the appends to others");
  sub->callback([&] { result = AppendsBeside(common, streams); });

  sub = add("idle", "Hold idle live readers");
  sub->add_option("--mode", mode, "sse, long-poll, or open for no request at all")
      ->check(CLI::IsMember({"sse", "long-poll", "open"}));
  sub->callback([&] { result = Idle(common, mode); });

  CLI11_PARSE(app, argc, argv);
  std::printf("%s\n", result.c_str());
  return 0;
}
