// SPDX-License-Identifier: Apache-2.0
#include "kalman.h"

#include <algorithm>
#include <cmath>

namespace {

constexpr size_t kVector = 8;  // doubles of a cache line, so that rows begin alike

}  // namespace

KalmanFilter::KalmanFilter(size_t capacity)
    : capacity_(capacity),
      stride_((capacity + kVector - 1) / kVector * kVector),
      mean_(stride_, 0),
      covariance_(capacity * stride_, 0),
      gain_(stride_, 0) {
  free_.reserve(capacity);
}

int KalmanFilter::Allocate(double mean, double variance) {
  int state = -1;
  if (!free_.empty()) {
    state = free_.back();
    free_.pop_back();
  } else if (end_ < capacity_) {
    state = static_cast<int>(end_++);
  } else {
    return -1;
  }
  mean_[state] = mean;
  Row(state)[state] = variance;
  return state;
}

void KalmanFilter::Drop(int state) {
  Clear(state);
  free_.push_back(state);
}

void KalmanFilter::Clear(int state) {
  mean_[state] = 0;
  for (size_t other = 0; other < end_; other++) Row(state)[other] = Row(other)[state] = 0;
}

void KalmanFilter::Fade(int state, double variance, double most) {
  double& now = Row(state)[state];
  now = std::max(now, std::min(now + variance, most));
}

void KalmanFilter::Decay(int state, double factor, double variance) {
  mean_[state] *= factor;
  double* row = Row(state);
  for (size_t other = 0; other < end_; other++) row[other] *= factor;
  for (size_t other = 0; other < end_; other++) Row(other)[state] = row[other];
  row[state] = row[state] * factor + variance;
}

const std::vector<double>& KalmanFilter::Times(const std::vector<Term>& terms) {
  double* sum = gain_.data();
  std::fill_n(sum, end_, 0);
  // The covariance is symmetric, so that rows, which lie in one piece, serve as columns.
  for (const Term& term : terms) {
    const double* row = Row(term.state);
    const double factor = term.factor;
    for (size_t i = 0; i < end_; i++) sum[i] += factor * row[i];
  }
  return gain_;
}

KalmanFilter::Innovation KalmanFilter::Update(const std::vector<Term>& terms, double observed,
                                              double variance, double robust) {
  Innovation found;
  found.residual = observed;
  Times(terms);
  for (const Term& term : terms) {
    found.residual -= term.factor * mean_[term.state];
    found.predicted_variance += term.factor * gain_[term.state];
  }
  found.variance = found.predicted_variance + variance;
  const double believed = std::max(found.variance, found.residual * found.residual / robust);
  if (!(believed > 0)) return found;
  // Scaled so that what is taken from row i, column j is exactly what is taken from row j, column i.
  const double scale = 1 / std::sqrt(believed), step = found.residual * scale;
  double* gain = gain_.data();
  for (size_t i = 0; i < end_; i++) gain[i] *= scale;
  for (size_t i = 0; i < end_; i++) mean_[i] += gain[i] * step;
  for (size_t i = 0; i < end_; i++) {
    const double factor = gain[i];
    if (factor == 0) continue;
    double* row = Row(i);
    for (size_t j = 0; j < end_; j++) row[j] -= factor * gain[j];
  }
  return found;
}
