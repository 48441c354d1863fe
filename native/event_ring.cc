// SPDX-License-Identifier: Apache-2.0
#include "event_ring.h"

#include <sys/epoll.h>

#include <cerrno>
#include <string>
#include <utility>

#include "energy_events.h"

namespace {

constexpr const char* kOpen = "map the ring of events";

// From then on no more are taken into memory: those of 140,000 processes, and four times what the ring holds.
constexpr size_t kMostBytes = 32 << 20;

// The program that an exec made run; nothing where the event is another one, or the name was cut off.
std::string ProgramOf(const energy_lifecycle* event) {
  const uint32_t bytes = event->program_bytes;
  if (event->kind != ENERGY_EXEC || bytes == 0 || bytes >= ENERGY_PROGRAM) return {};
  return {reinterpret_cast<const energy_exec*>(event)->program, bytes - 1};
}

}  // namespace

// A ring that holds anything is readable all the time. An edge, which epoll tells of, is there when BPF wakes
// who waits, and then alone.
Outcome EventRing::Open(int fd) {
  const int status = ring_.Open(fd);
  if (status) return Fail(kOpen, status);
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
  if (held_bytes_ >= kMostBytes) return false;
  Consume();
  return true;
}

Outcome EventRing::Take(Drained* out) {
  std::lock_guard<std::mutex> lock(mutex_);
  Outcome outcome = Consume();
  if (outcome.Failed()) return outcome;
  out->lifecycle = std::exchange(held_.lifecycle, {});
  out->mkdirs = std::exchange(held_.mkdirs, {});
  held_bytes_ = 0;
  return {};
}

Outcome EventRing::Consume() {
  const int status = ring_.Consume(TakeRecord, this);
  return status ? Fail("read the ring of events", status) : Outcome{};
}

void EventRing::TakeRecord(void* ring, const void* data, size_t bytes) {
  auto* self = static_cast<EventRing*>(ring);
  const auto* event = static_cast<const energy_lifecycle*>(data);
  self->held_bytes_ += bytes;
  if (event->kind == ENERGY_MKDIR) {
    const auto* mkdir = static_cast<const energy_mkdir*>(data);
    // A path that was cut off is left out: the directory itself is asked for its name then.
    if (mkdir->path_bytes == 0 || mkdir->path_bytes >= ENERGY_PATH) return;
    auto& mkdirs = self->held_.mkdirs;
    mkdirs.cgroup.push_back(mkdir->cgroup);
    mkdirs.path.emplace_back(mkdir->path, mkdir->path_bytes - 1);
    return;
  }
  auto& lifecycle = self->held_.lifecycle;
  lifecycle.kind.push_back(event->kind);
  lifecycle.pid.push_back(event->tgid);
  lifecycle.start_ns.push_back(event->start_ns);
  lifecycle.parent_pid.push_back(event->parent_tgid);
  lifecycle.parent_start_ns.push_back(event->parent_start_ns);
  lifecycle.comm.insert(lifecycle.comm.end(), event->comm, event->comm + ENERGY_COMM);
  lifecycle.program.push_back(ProgramOf(event));
}
