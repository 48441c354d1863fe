// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>

#include "drained.h"

// Writes an interval as parse-columns.ts reads it: the length of a header and that of the columns (uint32_t),
// a header in JSON that lists the columns, and these.
void WriteColumns(const Drained& drained, FILE* output);
