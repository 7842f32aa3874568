// The way back through a perceptron: how its weights should change for some samples.
#pragma once

#include "isa.h"
#include "views.h"

namespace slidelearn {

SLIDELEARN_EACH_ISA(
    // gradient = that of the mean logistic loss of n samples, by number, with signs of 1 (it is so) or -1, for the
    // weights of the perceptron: hidden, hidden_biases, output, constant, side by side.
    void perceptron_gradient(const PerceptronView& perceptron, Matrix<const float> inputs, const float* signs,
                             const int64_t* samples, int64_t n, float* gradient, int n_threads);)

}  // namespace slidelearn
