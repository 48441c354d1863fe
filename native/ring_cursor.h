// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

// What one reader has taken from a ring of `kEntries` that BPF writes and overwrites: `head` counts what was
// ever written.
template <uint64_t kEntries>
class RingCursor {
 public:
  // What is in it is not taken.
  void Skip(const uint64_t& head) {
    lost_ = false;
    taken_ = Load(head);
  }

  // Takes what was written since the last call: `copy` gives the entry with that index. Returns true if some
  // is lost before the first of these entries: BPF had overwritten it. Where none is left, the next call says
  // so.
  template <typename Entry, typename Copy>
  bool Take(const uint64_t& head, Copy copy, std::vector<Entry>* entries) {
    const uint64_t end = Load(head);
    const uint64_t from = end - taken_ > kEntries ? end - kEntries : taken_;
    entries->clear();
    for (uint64_t i = from; i < end; i++) entries->push_back(copy(i % kEntries));
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    // BPF has gone on meanwhile, and may be writing the next one over one that was copied.
    const uint64_t now = Load(head);
    const uint64_t first = now >= kEntries ? now - kEntries + 1 : 0;
    lost_ = lost_ || from != taken_;
    if (first > from && end > from) {
      entries->erase(entries->begin(), entries->begin() + (std::min(first, end) - from));
      lost_ = true;
    }
    taken_ = end;
    if (entries->empty()) return false;
    const bool lost = lost_;
    lost_ = false;
    return lost;
  }

 private:
  static uint64_t Load(const uint64_t& head) { return __atomic_load_n(&head, __ATOMIC_ACQUIRE); }

  uint64_t taken_ = 0;  // how many were taken, as `head` counts
  bool lost_ = false;   // something was lost behind the last entry that was given out
};

// A word of an entry that BPF may be overwriting.
template <typename Word>
Word PeekWord(const Word& word) {
  return __atomic_load_n(&word, __ATOMIC_RELAXED);
}
