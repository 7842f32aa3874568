// Samples out of text, a line for each, on all threads; what is wrong is told by its line.
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

using SampleBlocks = std::vector<SampleBlock>;  // in the order of the file

// What the lines must be.
struct SampleLines {
    int64_t first_line;  // the number of the first one in its file
    int64_t n_samples;   // lines with a sample after the header, which is line 1; -1: there is no header
    int64_t n_features;
    int64_t n_labels;
    int64_t first_id;    // what features and labels in the lines are counted from
    bool labelled;       // labels stand first; else there are features only
    const char* column;  // what errors call a feature
};

// Reads lines `label,label feature:value feature:value`, one per sample: the one-file format of the Extreme
// Classification Repository after its header, or a piece of it. The ids of a row come out in order and counted from 0,
// values of the same feature added up, a label once. Throws std::invalid_argument "line N: what is wrong" for the first
// line at fault. The result does not depend on the number of threads.
SampleBlocks parse_samples(const char* text, std::size_t size, const SampleLines& lines, int n_threads);

int64_t n_rows(const SampleBlocks& parsed);
int64_t n_entries(const SampleBlocks& parsed, GrowingRows SampleBlock::* side);

// Joins one side of the blocks into CSR arrays: indptr (n_rows + 1), indices and data (n_entries); data may be null.
void join_rows(const SampleBlocks& parsed, GrowingRows SampleBlock::* side, int64_t* indptr, int32_t* indices,
               float* data, int n_threads);

}  // namespace slidelearn
