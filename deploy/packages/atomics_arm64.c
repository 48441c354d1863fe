// SPDX-License-Identifier: Apache-2.0
// Debian 12's libbpf.a calls this function of libgcc, which GCC 10's, of the Debian whose libc is old enough, has not.
unsigned __aarch64_ldadd4_sync(unsigned value, unsigned* at) { return __sync_fetch_and_add(at, value); }
