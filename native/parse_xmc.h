#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace slidelearn {

// Rows of a sparse matrix as they are being read: row i ends at indices[ends[i]].
struct GrowingRows {
    std::vector<int64_t> ends;
    std::vector<int32_t> indices;
    std::vector<float> data;  // empty for labels
};

// Consecutive samples of the file.
struct SampleBlock {
    GrowingRows features;
    GrowingRows labels;
};

struct XmcText {
    int64_t n_samples;
    int64_t n_features;
    int64_t n_labels;
    std::vector<SampleBlock> blocks;  // in the order of the file
};

// Reads the one-file format of the Extreme Classification Repository: a header `n_samples n_features n_labels`, then a
// line `label,label feature:value feature:value` per sample, all ids counted from 0. The ids of a row come out in
// order, values of the same feature added up, a label once. Throws std::invalid_argument "line N: what is wrong" for
// the first line at fault. The result does not depend on the number of threads.
XmcText parse_xmc(const char* text, std::size_t size, int n_threads);

int64_t n_entries(const XmcText& parsed, GrowingRows SampleBlock::* side);

// Joins one side of the blocks into CSR arrays: indptr (n_samples + 1), indices and data (n_entries); data may be null.
void join_rows(const XmcText& parsed, GrowingRows SampleBlock::* side, int64_t* indptr, int32_t* indices, float* data,
               int n_threads);

}  // namespace slidelearn
