// SPDX-License-Identifier: Apache-2.0
#include "event_ring.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <string>

#include "energy.h"

namespace {

// The program that an exec made run; nothing where the event is another one, or the name was cut off.
std::string ProgramOf(const energy_lifecycle* event) {
  const uint32_t bytes = event->program_bytes;
  if (event->kind != ENERGY_EXEC || bytes == 0 || bytes >= ENERGY_PROGRAM) return {};
  return {reinterpret_cast<const energy_exec*>(event)->program, bytes - 1};
}

}  // namespace

EventRing::~EventRing() { ring_buffer__free(reader_); }

Outcome EventRing::Open(int fd) {
  reader_ = ring_buffer__new(fd, TakeRecord, this, nullptr);
  return reader_ ? Outcome{} : Fail("map the ring of events", -errno);
}

Outcome EventRing::Consume(Drained* out) {
  out_ = out;
  int status = ring_buffer__consume(reader_);
  out_ = nullptr;
  return status < 0 ? Fail("read the ring of events", status) : Outcome{};
}

int EventRing::TakeRecord(void* ring, void* data, size_t) {
  Drained* out = static_cast<EventRing*>(ring)->out_;
  const auto* event = static_cast<const energy_lifecycle*>(data);
  if (event->kind == ENERGY_MKDIR) {
    const auto* mkdir = static_cast<const energy_mkdir*>(data);
    // A path that was cut off is left out: the directory itself is asked for its name then.
    if (mkdir->path_bytes == 0 || mkdir->path_bytes >= ENERGY_PATH) return 0;
    out->mkdirs.cgroup.push_back(mkdir->cgroup);
    out->mkdirs.path.emplace_back(mkdir->path, mkdir->path_bytes - 1);
    return 0;
  }
  auto& lifecycle = out->lifecycle;
  lifecycle.kind.push_back(event->kind);
  lifecycle.pid.push_back(event->tgid);
  lifecycle.start_ns.push_back(event->start_ns);
  lifecycle.parent_pid.push_back(event->parent_tgid);
  lifecycle.parent_start_ns.push_back(event->parent_start_ns);
  lifecycle.comm.insert(lifecycle.comm.end(), event->comm, event->comm + ENERGY_COMM);
  lifecycle.program.push_back(ProgramOf(event));
  return 0;
}
