// SPDX-License-Identifier: Apache-2.0
// Prints each loaded BPF program's name and the instructions that the verifier went through for it.
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

int main(void)
{
	union bpf_attr next = {.start_id = 0};

	for (; bpf(BPF_PROG_GET_NEXT_ID, &next) == 0; next.start_id = next.next_id) {
		union bpf_attr by_id = {.prog_id = next.next_id};
		struct bpf_prog_info info = {0};
		long fd = bpf(BPF_PROG_GET_FD_BY_ID, &by_id);
		union bpf_attr get = {
			.info = {.bpf_fd = fd, .info_len = sizeof(info), .info = (unsigned long)&info}};

		if (fd < 0)
			continue;
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, &get) == 0)
			printf("%s %u\n", info.name, info.verified_insns);
		close(fd);
	}
	return 0;
}
