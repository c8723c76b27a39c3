#include "storage/subscriptions/webhook_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

bool Connects(const WebhookPolicy& policy, const std::string& url, const std::string& address) {
  sockaddr_storage storage{};
  if (address.find(':') != address.npos) {
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    EXPECT_EQ(inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr), 1) << address;
  } else {
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    EXPECT_EQ(inet_pton(AF_INET, address.c_str(), &v4->sin_addr), 1) << address;
  }
  return policy.MayConnect(url, reinterpret_cast<const sockaddr&>(storage));
}

constexpr char kPublicUrl[] = "https://worker.example/hook";

TEST(WebhookUrl, PublicHttpsIsTaken) {
  const WebhookPolicy policy;
  for (const char* url : {kPublicUrl, "https://8.8.8.8/hook", "https://[2606:4700::1111]:8443/"}) {
    EXPECT_TRUE(policy.CheckUrl(url).ok()) << url;
  }
}

TEST(WebhookUrl, WhatIsUnsafeIsRejected) {
  WebhookPolicy policy;
  for (const bool development : {false, true}) {
    policy.allow_http_localhost = development;
    for (const char* url : {"http://worker.example/hook",
                            "http://10.0.0.1/hook",
                            "https://10.1.2.3/",
                            "ftp://a.example/",
                            "https://192.168.1.1/",
                            "https://172.31.255.255/",
                            "https://127.0.0.1/",
                            "https://localhost/",
                            "https://169.254.169.254/latest/meta-data",
                            "https://[::1]/",
                            "https://[fd00::1]/",
                            "https://[fe80::1]/",
                            "https://[::ffff:10.0.0.1]/",
                            "https://[64:ff9b::a00:1]/",
                            "https://2130706433/",
                            "https://0x7f.1/",
                            "https://0/",
                            "https://db.internal/",
                            "https://printer.local/",
                            "https://user:secret@worker.example/",
                            "https://",
                            "worker.example",
                            "",
                            "file:///etc/passwd",
                            "https://224.0.0.1/",
                            "https://100.64.0.1/",
                            "https://localhost./"}) {
      const absl::Status status = policy.CheckUrl(url);
      ASSERT_FALSE(status.ok()) << url;
      EXPECT_EQ(GetErrorCode(status), ErrorCode::kWebhookUrlRejected) << url;
    }
  }
}

TEST(WebhookUrl, LocalhostIsForDevelopment) {
  WebhookPolicy policy;
  for (const char* url :
       {"http://localhost:3000/hook", "http://127.0.0.1:3000/", "http://[::1]:80/"}) {
    policy.allow_http_localhost = false;
    EXPECT_FALSE(policy.CheckUrl(url).ok()) << url;
    policy.allow_http_localhost = true;
    EXPECT_TRUE(policy.CheckUrl(url).ok()) << url;
  }
}

TEST(WebhookUrl, HostsCanBeNarrowed) {
  const WebhookPolicy policy{.allowed_hosts = {"worker.example", "*.workers.example"}};
  EXPECT_TRUE(policy.CheckUrl("https://worker.example/").ok());
  EXPECT_TRUE(policy.CheckUrl("https://WORKER.example/").ok());
  EXPECT_TRUE(policy.CheckUrl("https://a.workers.example/").ok());
  EXPECT_FALSE(policy.CheckUrl("https://workers.example/").ok());
  EXPECT_FALSE(policy.CheckUrl("https://evilworkers.example/").ok());
  EXPECT_FALSE(policy.CheckUrl("https://other.example/").ok());
}

// A name that resolves to something else than when it was looked at.
TEST(WebhookConnect, TheAddressDecidesWhateverTheName) {
  const WebhookPolicy policy{.allow_http_localhost = true};
  for (const char* address : {"8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"}) {
    EXPECT_TRUE(Connects(policy, kPublicUrl, address)) << address;
  }
  for (const char* address :
       {"127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fd00::1", "fe80::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
        "2002:7f00:1::", "::127.0.0.1", "2001:db8::1"}) {
    EXPECT_FALSE(Connects(policy, kPublicUrl, address)) << address;
  }
}

TEST(WebhookConnect, DevelopmentUrlsReachLoopbackOnly) {
  WebhookPolicy policy{.allow_http_localhost = true};
  EXPECT_TRUE(Connects(policy, "http://localhost:1/", "127.0.0.1"));
  EXPECT_TRUE(Connects(policy, "http://localhost:1/", "::1"));
  EXPECT_FALSE(Connects(policy, "http://localhost:1/", "10.0.0.1"));
  EXPECT_FALSE(Connects(policy, "http://localhost:1/", "8.8.8.8"));
  policy.allow_http_localhost = false;
  EXPECT_FALSE(Connects(policy, "http://localhost:1/", "127.0.0.1"));
}

}  // namespace
}  // namespace ds
