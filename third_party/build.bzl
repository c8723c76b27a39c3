"""The project's defaults for C++ targets and generated code."""

def grpc_library(name, src, visibility = None):
    """A C++ library of the messages and gRPC services in one .proto file.

    Args:
      name: the library's name.
      src: the .proto file; imports resolve from the workspace's root.
      visibility: as for every rule.
    """
    path = native.package_name() + "/" + src[:-len(".proto")]
    base = src[:-len(".proto")]
    outs = [base + ext for ext in [".pb.h", ".pb.cc", ".grpc.pb.h", ".grpc.pb.cc"]]
    native.genrule(
        name = name + "_generate",
        srcs = [src],
        outs = outs,
        cmd = "protoc -I. --cpp_out=$(GENDIR) --grpc_out=$(GENDIR) " +
              "--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin " + path + ".proto",
    )
    native.cc_library(
        name = name,
        srcs = [out for out in outs if out.endswith(".cc")],
        hdrs = [out for out in outs if out.endswith(".h")],
        copts = ["-w"],
        visibility = visibility,
        deps = ["@system//:grpc"],
    )

def proto_library_cc(name, src, visibility = None):
    """A C++ library of the messages in one .proto file that has no service.

    Args:
      name: the library's name.
      src: the .proto file; imports resolve from the workspace's root.
      visibility: as for every rule.
    """
    path = native.package_name() + "/" + src[:-len(".proto")]
    base = src[:-len(".proto")]
    native.genrule(
        name = name + "_generate",
        srcs = [src],
        outs = [base + ".pb.h", base + ".pb.cc"],
        cmd = "protoc -I. --cpp_out=$(GENDIR) " + path + ".proto",
    )
    native.cc_library(
        name = name,
        srcs = [base + ".pb.cc"],
        hdrs = [base + ".pb.h"],
        copts = ["-w"],
        visibility = visibility,
        deps = ["@system//:protobuf"],
    )

def unit_test(name, deps, srcs = None, data = [], size = "small", tags = []):
    """A GoogleTest of one library, beside it.

    Args:
      name: the test's name; its source is NAME.cc unless srcs says otherwise.
      deps: the libraries under test.
      srcs: the sources, if not NAME.cc.
      data: files that the test reads at run time, by their paths in the workspace.
      size: Bazel's test size.
      tags: Bazel's tags.
    """
    native.cc_test(
        name = name,
        size = size,
        srcs = srcs or [name + ".cc"],
        data = data + ["//third_party:tsan.supp"],
        tags = tags,
        deps = deps + ["@system//:gmock_main"],
    )

def fuzz_test(name, deps, srcs = None):
    """A libFuzzer target of one parser, beside it; tests/fuzz builds and runs it.

    It needs clang and --config=fuzz, so no wildcard builds it. Its inputs are kept in corpus/NAME.

    Args:
      name: the target's name, ending in _fuzz; its source is NAME.cc unless srcs says otherwise.
      deps: the libraries under test.
      srcs: the sources, if not NAME.cc.
    """
    native.cc_binary(
        name = name,
        testonly = True,
        srcs = srcs or [name + ".cc"],
        linkopts = ["-fsanitize=fuzzer"],
        tags = [
            "fuzz",
            "manual",
        ],
        deps = deps,
    )
