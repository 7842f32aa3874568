// One linear classifier per label over sparse features: an L2-regularised SVM with squared hinge loss, trained on the
// samples that the label must be told apart on, by dual coordinate descent (Hsieh et al., ICML 2008).
#pragma once

#include <cstdint>
#include <vector>

#include "views.h"

namespace slidelearn {

struct ClassifierRule {
    const float* c;    // (n_labels): weight of the samples' losses against the regulariser
    double tolerance;  // on the projected gradient: where training of a label ends
    int64_t max_passes;
    float threshold;  // weights of smaller magnitude are dropped
    uint64_t seed;    // of the order in which samples are visited
};

struct Classifiers {
    std::vector<int64_t> indptr;    // (n_labels + 1)
    std::vector<int32_t> features;  // ascending within a label
    std::vector<float> weights;
    std::vector<float> biases;  // (n_labels)
};

// Classifiers as the caller holds them: a row of features for each label, and the biases.
struct ClassifierRows {
    Csr weights;
    const float* biases;
};

// positives and negatives (n_labels rows each) hold the samples of each label, rows of x. Without `former`, a label
// without positives gets no weights and the bias -1, one without negatives no weights and the bias 1. With it, each
// classifier starts from its former weights and stays close to them: it is their distance that the regulariser bounds;
// labels without samples stay as they are.
Classifiers train_classifiers(Csr x, int64_t n_features, Csr positives, Csr negatives, const ClassifierRows* former,
                              ClassifierRule rule, int n_threads);

// margins[i, j] = the margin of sample i under the classifier of label ids[i, j]; -inf where ids[i, j] is -1. Both have
// no gaps between their rows. False if a classifier that was asked lies outside its arrays.
bool classifier_margins(Csr x, Matrix<const int32_t> ids, ClassifierRows classifiers, Matrix<float> margins,
                        int n_threads);

}  // namespace slidelearn
