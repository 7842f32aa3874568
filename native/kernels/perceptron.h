// A perceptron with one hidden layer of rectified linear units: what it makes of some samples, and the way back, how
// its weights should change for them.
#pragma once

#include "isa.h"
#include "views.h"

namespace slidelearn {

SLIDELEARN_EACH_ISA(
    // log_odds (n) of the rows of inputs (n, at least as many as the perceptron has; what lies behind those is not
    // looked at). Room for the hidden units: (width).
    void perceptron_log_odds(const PerceptronView& perceptron, Matrix<const float> inputs, float* room,
                             float* log_odds);

    // gradient = that of the mean logistic loss of n samples, by number, with signs of 1 (it is so) or -1, for the
    // weights of the perceptron: hidden, hidden_biases, output, constant, side by side.
    void perceptron_gradient(const PerceptronView& perceptron, Matrix<const float> inputs, const float* signs,
                             const int64_t* samples, int64_t n, float* gradient, int n_threads);)

}  // namespace slidelearn
