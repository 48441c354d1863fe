// SPDX-License-Identifier: Apache-2.0
// How libbpf comes to the BTF of the running kernel: the linker puts this in the place of its own
// (binding.gyp), which would parse it anew, and is called where there is none to be taken.
#include <bpf/btf.h>

#include "kernel_btf.h"

extern "C" {

btf* __real_btf__load_vmlinux_btf();

btf* __wrap_btf__load_vmlinux_btf() {
  btf* kernel = KernelBtf::Take();
  return kernel ? kernel : __real_btf__load_vmlinux_btf();
}
}
