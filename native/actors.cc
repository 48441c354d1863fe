// SPDX-License-Identifier: Apache-2.0
#include "actors.h"

#include <algorithm>
#include <cstring>

#include "energy.h"

namespace {

// A process that executes a program has another name from then on, and its id may be another one's. A shell's
// child does so at once: who is new is looked at again and again, ever less often.
constexpr int64_t kCheckNs = 10'000'000;
constexpr int64_t kForgetNs = 2'000'000'000;

// Spreads all bits over all bits (the finalizer of splitmix64); 0 is for idle.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  x ^= x >> 31;
  return x ? x : 1;
}

// What BPF may be writing just now; T is one machine word.
template <typename T>
T Peek(const T& value) {
  return __atomic_load_n(&value, __ATOMIC_RELAXED);
}

}  // namespace

Actor ActorOf(uint32_t tgid, uint64_t start_ns, const char* comm) {
  if (tgid == 0) return {};
  uint64_t name[2] = {};
  memcpy(name, comm, strnlen(comm, ENERGY_COMM));
  return {Mix(Mix(tgid) ^ start_ns), Mix(Mix(name[0]) ^ name[1])};
}

bool ActorFinder::Look(uint32_t cpu, uint32_t tgid, Actor* actor) const {
  const energy_cpu& account = cpus_[cpu];
  const uint32_t first = energy_first_row(tgid, 0);
  const uint32_t live = Peek(account.buffer);
  // The buffer that was left may not be drained yet.
  for (uint32_t buffer : {live, live ^ 1}) {
    const energy_buffer& rows = account.buffers[buffer & 1];
    for (uint32_t row = first; row < first + ENERGY_WAYS; row++) {
      if (Peek(rows.hot[row].owner) != tgid + 1) continue;
      const energy_cold& cold = rows.cold[row];
      uint64_t name[2];
      for (int i = 0; i < 2; i++) memcpy(&name[i], cold.comm + 8 * i, 8);
      const uint64_t start_ns = Peek(cold.start_ns);
      __atomic_thread_fence(__ATOMIC_ACQUIRE);
      if (Peek(rows.hot[row].owner) != tgid + 1) continue;
      *actor = ActorOf(tgid, start_ns, reinterpret_cast<const char*>(name));
      return true;
    }
  }
  return false;
}

void ActorFinder::Note(uint32_t cpu, uint32_t tgid, int64_t now_ns) {
  if (tgid == 0) return;
  Known& known = known_[tgid];
  known.seen_ns = now_ns;
  if (!known.checked_ns) known.noted_ns = now_ns;
  const int64_t pause_ns = std::min(kCheckNs, known.checked_ns - known.noted_ns);
  if (known.checked_ns && now_ns - known.checked_ns < pause_ns) return;
  known.checked_ns = now_ns;
  Look(cpu, tgid, &known.actor);
}

Actor ActorFinder::Find(uint32_t tgid) const {
  const auto found = known_.find(tgid);
  if (found != known_.end() && found->second.actor.process) return found->second.actor;
  return ActorOf(tgid, 0, "");
}

void ActorFinder::Forget(int64_t now_ns) {
  for (auto it = known_.begin(); it != known_.end();)
    it = now_ns - it->second.seen_ns > kForgetNs ? known_.erase(it) : std::next(it);
}
