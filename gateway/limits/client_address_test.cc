#include "gateway/limits/client_address.h"

#include <string>

#include "gtest/gtest.h"

namespace ds {
namespace {

TEST(ClientAddress, EverySpellingOfAnAddressIsOneClient) {
  const std::pair<const char*, const char*> spellings[] = {
      {"192.0.2.1", "192.0.2.1"},
      {" 192.0.2.1\t", "192.0.2.1"},
      {"192.0.2.1:443", "192.0.2.1"},
      {"\"192.0.2.1:443\"", "192.0.2.1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::FFFF:c000:0201", "192.0.2.1"},
      {"[::ffff:192.0.2.1]:443", "192.0.2.1"},
      {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
      {"2001:db8:1:2::", "2001:db8:1:2::/64"},
      {"2001:DB8:1:2::9", "2001:db8:1:2::/64"},
      {"2001:0db8:0001:0002:0003:0004:0005:0006", "2001:db8:1:2::/64"},
      {"[2001:db8:1:2::1]", "2001:db8:1:2::/64"},
      {"[2001:db8:1:2::1]:8080", "2001:db8:1:2::/64"},
      {"2001:db8:1:2::1%eth0", "2001:db8:1:2::/64"},
      {"[fe80::1%eth0]:80", "fe80::/64"},
      {"2001:db8::1", "2001:db8::/64"},
      {"2001:db8:0:0:ffff::", "2001:db8::/64"},
      {"::1", "::/64"},
      {"::", "::/64"},
      {"2001:db8:1:2:3:4:192.0.2.1", "2001:db8:1:2::/64"},
  };
  for (const auto& [text, key] : spellings) EXPECT_EQ(ClientAddressKey(text), key) << text;
}

TEST(ClientAddress, NeighboursAreOthers) {
  EXPECT_NE(ClientAddressKey("2001:db8:1:2::1"), ClientAddressKey("2001:db8:1:3::1"));
  EXPECT_NE(ClientAddressKey("192.0.2.1"), ClientAddressKey("192.0.2.2"));
  EXPECT_NE(ClientAddressKey("2001:db8::1"), ClientAddressKey("2001:db8:0:1::1"));
}

TEST(ClientAddress, WhatIsNoneIsNone) {
  for (const char* const text :
       {"", " ", "unknown", "_hidden", "192.0.2", "192.0.2.1.5", "192.0.2.256", "[", "[]", ":",
        "::1::2", "2001:db8:1:2:3:4:5:6:7", "%eth0", "0x7f.1", "192.0.02.1x"}) {
    EXPECT_EQ(ClientAddressKey(text), std::nullopt) << text;
  }
}

TEST(ClientAddress, TheNearestProxyWroteTheLastItem) {
  EXPECT_EQ(LastListItem("198.51.100.7, 203.0.113.1"), "203.0.113.1");
  EXPECT_EQ(LastListItem(" 203.0.113.1 "), "203.0.113.1");
  EXPECT_EQ(LastListItem("a,"), "");
  EXPECT_EQ(LastListItem(""), "");
}

}  // namespace
}  // namespace ds
