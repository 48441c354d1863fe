// SPDX-License-Identifier: Apache-2.0
#include "columns_out.h"

#include <string>
#include <type_traits>

namespace {

struct Written {
  std::string header, bytes;
};

template <typename Column>
const char* TypeOf(const Column&) {
  using Value = typename Column::value_type;
  return std::is_same_v<Value, uint32_t> ? "u32" : std::is_same_v<Value, double> ? "f64" : "char";
}

template <typename Group>
void WriteGroup(const char* group_name, const Group& group, Written* written) {
  std::string columns;
  Group::ForEach([&](const char* name, auto member) {
    const auto& column = group.*member;
    columns += std::string(columns.empty() ? "" : ",") + "[\"" + name + "\",\"" + TypeOf(column) + "\"," +
               std::to_string(column.size()) + "]";
    written->bytes.append(reinterpret_cast<const char*>(column.data()), column.size() * sizeof(column[0]));
  });
  written->header +=
      std::string(written->header.empty() ? "" : ",") + "\"" + group_name + "\":[" + columns + "]";
}

}  // namespace

void WriteColumns(const Drained& drained, FILE* output) {
  Written written;
  WriteGroup("rows", drained.rows, &written);
  WriteGroup("processes", drained.processes, &written);
  WriteGroup("cgroups", drained.cgroups, &written);
  WriteGroup("packages", drained.packages, &written);
  WriteGroup("cpus", drained.cpus, &written);
  WriteGroup("lifecycle", drained.lifecycle, &written);
  const std::string header = "{\"groups\":{" + written.header +
                             "},\"lostEvents\":" + std::to_string(drained.lost_events) +
                             ",\"timeNs\":" + std::to_string(drained.time_ns) + "}";
  const uint32_t lengths[] = {static_cast<uint32_t>(header.size()),
                              static_cast<uint32_t>(written.bytes.size())};
  fwrite(lengths, sizeof(lengths), 1, output);
  fwrite(header.data(), 1, header.size(), output);
  fwrite(written.bytes.data(), 1, written.bytes.size(), output);
  fflush(output);
}
