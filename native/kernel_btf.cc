// SPDX-License-Identifier: Apache-2.0
#include "kernel_btf.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "unique_fd.h"

namespace {

thread_local KernelBtf* current = nullptr;

// Linux maps it from 6.16 on: then it need not be read into memory first. Null: it cannot be mapped.
btf* Map(const char* path) {
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (file.get() < 0 || fstat(file.get(), &status)) return nullptr;
  const size_t bytes = status.st_size;
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (memory == MAP_FAILED) return nullptr;
  btf* kernel = btf__new(memory, bytes);
  munmap(memory, bytes);
  return kernel;
}

}  // namespace

KernelBtf::KernelBtf(std::string path) : path_(std::move(path)) { current = this; }

KernelBtf::~KernelBtf() {
  current = nullptr;
  btf__free(parsed_);
}

const btf* KernelBtf::get() {
  if (!parsed_ && is_own()) parsed_ = Map(kOwn);
  if (!parsed_) parsed_ = btf__parse(path_.c_str(), nullptr);
  return parsed_;
}

btf* KernelBtf::Take() {
  if (!current || !current->is_own() || !current->get()) return nullptr;
  return std::exchange(current->parsed_, nullptr);
}
