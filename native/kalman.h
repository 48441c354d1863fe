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
    double residual = 0;            // observed less predicted
    double predicted_variance = 0;  // of that sum, by the states' covariance
    double variance = 0;            // of the residual: with the noise of the observation
  };

  explicit KalmanFilter(size_t capacity);

  // A new state, independent of all others; -1 if there is no room.
  int Allocate(double mean, double variance);
  void Drop(int state);
  size_t Room() const { return capacity_ - end_ + free_.size(); }

  double Mean(int state) const { return mean_[state]; }
  void SetMean(int state, double mean) { mean_[state] = mean; }
  double Covariance(int a, int b) const { return covariance_[a * stride_ + b]; }
  double Variance(int state) const { return Covariance(state, state); }

  // Adds to a state's variance, up to `most`.
  void Fade(int state, double variance, double most);
  // The state returns towards 0 by a factor, with new noise (a process of first order).
  void Decay(int state, double factor, double variance);

  // Learns that the sum of `terms` was `observed`, with that variance; no state twice. If the residual's
  // square is more than `robust` times its variance, the variance is taken to be as much as makes it so:
  // what nobody expected moves the states, but not far.
  Innovation Update(const std::vector<Term>& terms, double observed, double variance, double robust);

  // covariance x factors, which is the covariance of each state with a sum.
  const std::vector<double>& Times(const std::vector<Term>& terms);

 private:
  double* Row(int state) { return covariance_.data() + state * stride_; }
  void Clear(int state);

  size_t capacity_, stride_, end_ = 0;  // states from end_ on were never used
  std::vector<double> mean_, covariance_, gain_;
  std::vector<int> free_;
};
