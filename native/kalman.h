// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

// A Kalman filter of a random walk with a full covariance: states come and go, each observation is a scalar,
// the sum of some states by known factors. Pure; nothing is allocated after it was made.
class KalmanFilter {
 public:
  struct Term {
    int state;
    double factor;
  };
  struct Innovation {
    double residual;            // observed less predicted
    double predicted_variance;  // of that sum, by the states' covariance
    double variance;            // of the residual: with the noise of the observation
  };

  explicit KalmanFilter(size_t capacity);

  // A new state, independent of all others; -1 if there is no room.
  int Allocate(double mean, double variance);
  void Drop(int state);
  size_t Room() const;

  double Mean(int state) const { return mean_[state]; }
  void SetMean(int state, double mean) { mean_[state] = mean; }
  double Covariance(int a, int b) const { return covariance_[a * stride_ + b]; }
  // Adds to a state's variance, up to `most`.
  void Fade(int state, double variance, double most);
  // The state returns to 0 by a factor, with new noise (a process of first order).
  void Decay(int state, double factor, double variance);

  // Learns that the sum of `terms` was `observed`, with that variance. A residual of more than
  // sqrt(robust) of its standard deviations counts as if its variance were so large as to have just those.
  Innovation Update(const std::vector<Term>& terms, double observed, double variance, double robust);

  // covariance x factors, for sums over many states.
  std::vector<double> Times(const std::vector<Term>& terms) const;

 private:
  size_t stride_, end_ = 0;
  std::vector<double> mean_, covariance_, gain_;
  std::vector<int> free_;
};
