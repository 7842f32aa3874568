// One linear classifier per label over sparse features: an L2-regularised SVM with squared hinge loss, trained on the
// samples that the label must be told apart on, by dual coordinate descent (Hsieh et al., ICML 2008).
//
// One that has been trained before goes on from there as a Bayesian would (a Laplace approximation with a diagonal, on
// line: Opper, 1998): what it learnt is a normal distribution around its weights, as narrow as what it minimised is
// curved there, and the new samples' losses are all that is added. So weights that many samples have settled stay, and
// others are free.
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

// Classifiers as the caller holds them: a row of features for each label, and the biases.
struct ClassifierRows {
    Csr weights;
    const float* biases;
};

// The same with the curvature of all that they were trained to minimise: 1 from the regulariser, the rest from samples.
struct LearntClassifiers {
    ClassifierRows rows;
    const float* curvatures;       // of the weights
    const float* bias_curvatures;  // (n_labels)
};

// What training told: `write_weights` joins it with what was known before.
struct ToldClassifiers {
    struct Weight {
        int32_t feature;
        float value, curvature;
    };
    std::vector<std::vector<Weight>> weights;    // of each label, by ascending feature; 0: dropped
    std::vector<float> biases, bias_curvatures;  // (n_labels)
    std::vector<int64_t> indptr;                 // (n_labels + 1): of all weights, the former ones that stay among them
};

// positives and negatives (n_labels rows each) hold the samples of each label, rows of x. Without `former`, a label
// without positives gets no weights and the bias -1, one without negatives no weights and the bias 1. With it, each
// classifier starts from its former weights, and the regulariser bounds their distance from these, each times its
// curvature; labels without samples, and weights of features that no sample has, stay as they are.
ToldClassifiers train_classifiers(Csr x, int64_t n_features, Csr positives, Csr negatives,
                                  const LearntClassifiers* former, ClassifierRule rule, int n_threads);

// Writes the features, ascending within a label, the weights and the curvatures of all classifiers.
void write_weights(const ToldClassifiers& told, const LearntClassifiers* former, int32_t* features, float* weights,
                   float* curvatures, int n_threads);

// margins[i, j] = the margin of sample i under the classifier of label ids[i, j]; -inf where ids[i, j] is -1. Both have
// no gaps between their rows. False if a classifier that was asked lies outside its arrays, or has features that are
// none.
bool classifier_margins(Csr x, int64_t n_features, Matrix<const int32_t> ids, ClassifierRows classifiers,
                        Matrix<float> margins, int n_threads);

}  // namespace slidelearn
