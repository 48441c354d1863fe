/* SPDX-License-Identifier: Apache-2.0 */
/* A trace in memory, for as long as the process lives. */
#ifndef TRACE_FILE_H
#define TRACE_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "engine.h"

struct trace {
  const struct trace_header* header;
  const struct trace_zone* zones;
  const struct trace_task* tasks;
  const struct trace_record* records;
};

static struct trace open_trace(const char* path) {
  struct trace trace;
  struct stat file;
  int fd = open(path, O_RDONLY);
  const char* at;

  if (fd < 0 || fstat(fd, &file)) fail("open the trace", errno);
  at = mmap(NULL, file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) fail("read the trace", errno);
  trace.header = (const void*)at;
  if ((size_t)file.st_size < sizeof(*trace.header) || memcmp(at, TRACE_MAGIC, sizeof(trace.header->magic)))
    fail("read the trace: this is none", 0);
  trace.zones = (const void*)(trace.header + 1);
  trace.tasks = (const void*)(trace.zones + trace.header->zones);
  trace.records = (const void*)(trace.tasks + trace.header->tasks);
  if ((const char*)(trace.records + trace.header->records) != at + file.st_size)
    fail("read the trace: its size is wrong", 0);
  return trace;
}

#endif
