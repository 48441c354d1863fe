// SPDX-License-Identifier: Apache-2.0
#include "event_ring.h"

#include <bpf/libbpf.h>
#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "energy.skel.h"
#include "energy_events.h"
#include "program.h"

namespace {

constexpr const char* kOpen = "map the ring of events";

// From then on no more are taken into memory: those of 170,000 processes, and four times what the logs hold.
constexpr size_t kMostBytes = 32 << 20;

}  // namespace

// A ring that holds anything is readable all the time. An edge, which epoll tells of, is there when BPF wakes
// who waits, and then alone.
Outcome EventRing::Open(const Program& program) {
  const auto& maps = program.skeleton().maps;
  const int fd = bpf_map__fd(maps.events);
  const int status = ring_.Open(fd);
  if (status) return Fail(kOpen, status);
  processes_.Open(bpf_map__fd(maps.lifecycle_log), program.cpus(), program.cpu_count(),
                  program.skeleton().rodata->lifecycle_slots);
  wakes_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  epoll_event edges{};
  edges.events = EPOLLIN | EPOLLET;
  if (wakes_.get() < 0 || epoll_ctl(wakes_.get(), EPOLL_CTL_ADD, fd, &edges)) return Fail(kOpen, -errno);
  return {};
}

bool EventRing::Relieve() {
  epoll_event woken;
  if (epoll_wait(wakes_.get(), &woken, 1, 0) <= 0) return true;
  std::lock_guard<std::mutex> lock(mutex_);
  if (mkdir_bytes_ + processes_.held_bytes() >= kMostBytes) return false;
  Consume();
  return true;
}

Outcome EventRing::Take(Drained* out) {
  std::lock_guard<std::mutex> lock(mutex_);
  Outcome outcome = Consume();
  if (outcome.Failed()) return outcome;
  out->lifecycle = processes_.Take();
  out->mkdirs = std::exchange(mkdirs_, {});
  mkdir_bytes_ = 0;
  return {};
}

Outcome EventRing::Consume() {
  int status = ring_.Consume(TakeRecord, this);
  if (status) return Fail("read the ring of events", status);
  status = processes_.Consume();
  return status ? Fail("read the logs of events", status) : Outcome{};
}

// A path that was cut off is left out: the directory itself is asked for its name then. An empty record is
// there to wake whoever waits.
void EventRing::TakeRecord(void* ring, const void* data, size_t bytes) {
  auto* self = static_cast<EventRing*>(ring);
  if (bytes < sizeof(energy_mkdir)) return;
  const auto* mkdir = static_cast<const energy_mkdir*>(data);
  self->mkdir_bytes_ += bytes;
  if (mkdir->path_bytes == 0 || mkdir->path_bytes >= ENERGY_PATH) return;
  self->mkdirs_.cgroup.push_back(mkdir->cgroup);
  self->mkdirs_.path.emplace_back(mkdir->path, mkdir->path_bytes - 1);
}
