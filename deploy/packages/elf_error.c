// SPDX-License-Identifier: Apache-2.0
// One member of Debian's libelf.a cannot become part of a shared object: the error that it keeps is thread-local by the
// local-exec model. The linker takes no member of an archive for what is defined already: this takes its place.
static _Thread_local int last __attribute__((tls_model("initial-exec")));

void __libelf_seterrno(int value) { last = value; }

int elf_errno(void) {
  int value = last;
  last = 0;
  return value;
}

// libbpf asks for -1, the last error's text, and prints it.
const char* elf_errmsg(int error) { return error == 0 && last == 0 ? (const char*)0 : "ELF error"; }
