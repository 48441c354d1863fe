// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

struct btf;

// The BTF of the kernel, 5 MB or more, which is parsed once for all that a thread does with it while this
// lives: libbpf takes it from here, too (libbpf_btf.cc), where it is that of the running kernel.
class KernelBtf {
 public:
  explicit KernelBtf(std::string path);
  ~KernelBtf();
  KernelBtf(const KernelBtf&) = delete;
  KernelBtf& operator=(const KernelBtf&) = delete;

  // Where libbpf looks for the running kernel's BTF first.
  static constexpr const char* kOwn = "/sys/kernel/btf/vmlinux";
  bool is_own() const { return path_ == kOwn; }
  // Null, with errno: it cannot be read.
  const btf* get();
  // For whoever frees it: the running kernel's, if the calling thread has one that lives, and it can be read;
  // else null.
  static btf* Take();

 private:
  const std::string path_;
  btf* parsed_ = nullptr;
};
