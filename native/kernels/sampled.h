// A layer with one active set per sample: every sample computes, and teaches, neurons of its own.
//
// The layer's input is dense, or the active neurons of a sampled layer below. `scale` > 0 asks for cosine logits,
// scale * cos(hidden, w) + bias, for which `hidden` has rows of length 1; 0 for inner products.
#pragma once

#include "isa.h"
#include "row_layout.h"
#include "transpose.h"
#include "views.h"

namespace slidelearn {

SLIDELEARN_EACH_ISA(
    // Sample by sample. logits: one for each entry of `active` (n_samples rows of ids).
    void sampled_forward(Rows rows, Csr active, Matrix<const float> hidden, float scale, float* logits, int n_threads);
    // HOGWILD (Niu et al., 2011; section 3.1 of the SLIDE paper): every sample takes a step on each of its active
    // neurons, unlocked, and collects d_hidden in the same visit.
    void sampled_backward_hogwild(Rows rows, Csr active, const float* d_logits, Matrix<const float> hidden, float scale,
                                  UpdateRule rule, Matrix<float> d_hidden, int n_threads);

    // Neuron by neuron, the same: `neurons` are the entries of `active` by column. One writer per row: each active
    // neuron sums its gradient over the samples and takes one step.
    void sampled_forward_by_neuron(Rows rows, Columns neurons, Matrix<const float> hidden, float scale, float* logits,
                                   int n_threads);
    void sampled_backward_by_neuron(Rows rows, Columns neurons, const float* d_logits, Matrix<const float> hidden,
                                    float scale, UpdateRule rule, Matrix<float> d_hidden, int n_threads);

    // Above a sampled layer, whose active neurons are the only inputs: sample by sample, unlocked or with one writer.
    void sampled_forward_sparse(Rows rows, Csr active, Csr hidden, float* logits, int n_threads);
    void sampled_backward_hogwild_sparse(Rows rows, Csr active, const float* d_logits, Csr hidden, UpdateRule rule,
                                         float* d_hidden, int n_threads);
    void sampled_d_hidden_sparse(Rows rows, Csr active, const float* d_logits, Csr hidden, float* d_hidden,
                                 int n_threads);
    void sampled_update_sparse(Rows rows, Columns neurons, const float* d_logits, Csr hidden, UpdateRule rule,
                               int n_threads);)

}  // namespace slidelearn
