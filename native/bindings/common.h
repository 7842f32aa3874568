// The array types of the bindings, named once; checks that raise ValueError; results that NumPy owns.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "gil.h"
#include "isa.h"
#include "recycled_memory.h"
#include "views.h"

namespace slidelearn {

namespace nb = nanobind;
using namespace nb::literals;

template <class T>
using InArray = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using InMatrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using InRows = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;  // rows may lie apart: view() checks the rest
// Written to: bind them with .noconvert(), or an array of another type or layout is copied and the copy written to.
template <class T>
using InOutArray = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using InOutMatrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using OutArray = nb::ndarray<nb::numpy, T, nb::ndim<1>, nb::c_contig>;
template <class T>
using OutMatrix = nb::ndarray<nb::numpy, T, nb::ndim<2>, nb::c_contig>;

// kernels.Csr: (indptr int64, indices int32, data float32); data may be empty where only the pattern matters.
using InCsr = std::tuple<InArray<int64_t>, InArray<int32_t>, InArray<float>>;
using OutCsr = std::tuple<OutArray<int64_t>, OutArray<int32_t>, OutArray<float>>;

// Told apart, for a message that nobody reads takes longer to make than most checks, which run for each row of a batch.
inline void require(bool holds, const char* message) {
    if (!holds) throw nb::value_error(message);
}
inline void require(bool holds, const std::string& message) { require(holds, message.c_str()); }

inline void require_threads(int n_threads) {
    require(n_threads >= 1, "n_threads must be >= 1, but is " + std::to_string(n_threads));
}

// That all elements of an array lie in [least, end). By the lowest and the highest one, of which the compiler makes
// vectors: batches have hundreds of thousands.
template <class Array>
void require_within(const Array& array, int64_t least, int64_t end, const char* name) {
    const auto* const values = array.data();
    const std::size_t n = array.size();
    if (n == 0) return;
    auto lowest = values[0], highest = values[0];
    for (std::size_t i = 1; i < n; ++i) {
        lowest = std::min(lowest, values[i]);
        highest = std::max(highest, values[i]);
    }
    if (lowest >= least && highest < end) return;
    require(false, std::string(name) + " must lie in [" + std::to_string(least) + ", " + std::to_string(end) + ")");
}

// The view of a Csr, its arrays checked against each other; indices must lie in [0, n_columns).
inline Csr view(const InCsr& csr, int64_t n_columns) {
    const auto& [indptr, indices, data] = csr;
    require(indptr.size() >= 1 && indptr(0) == 0, "csr.indptr must begin with 0");
    const int64_t n_rows = static_cast<int64_t>(indptr.size()) - 1;
    bool ascending = true;
    for (int64_t i = 0; i < n_rows; ++i) ascending &= indptr(i) <= indptr(i + 1);
    require(ascending, "csr.indptr must not decrease");
    require(indptr(n_rows) == static_cast<int64_t>(indices.size()), "csr.indptr must end with len(csr.indices)");
    require(data.size() == 0 || data.size() == indices.size(), "csr.data must be empty or as long as csr.indices");
    require_within(indices, 0, n_columns, "csr.indices");
    return {indptr.data(), indices.data(), data.size() ? data.data() : nullptr, n_rows};
}

// The same for a matrix too large to be read at every call: a verb must ask has_row() or has_sound_row() of what it
// uses.
inline Csr view_unread(const InCsr& csr) {
    const auto& [indptr, indices, data] = csr;
    require(indptr.size() >= 1 && indptr(0) == 0, "csr.indptr must begin with 0");
    const int64_t n_rows = static_cast<int64_t>(indptr.size()) - 1;
    require(indptr(n_rows) == static_cast<int64_t>(indices.size()), "csr.indptr must end with len(csr.indices)");
    require(data.size() == 0 || data.size() == indices.size(), "csr.data must be empty or as long as csr.indices");
    return {indptr.data(), indices.data(), data.size() ? data.data() : nullptr, n_rows};
}

inline Csr with_data(const Csr& csr, const char* name) {
    require(csr.data || csr.n_entries() == 0, std::string(name) + " must have data");
    return csr;
}

template <class T>
Matrix<const T> view(const InMatrix<T>& m) {
    return {m.data(), static_cast<int64_t>(m.shape(0)), static_cast<int64_t>(m.shape(1)),
            static_cast<int64_t>(m.shape(1))};
}
template <class T>
Matrix<T> view(const InOutMatrix<T>& m) {
    return {m.data(), static_cast<int64_t>(m.shape(0)), static_cast<int64_t>(m.shape(1)),
            static_cast<int64_t>(m.shape(1))};
}
template <class T>
Matrix<T> view(const OutMatrix<T>& m) {
    return {m.data(), static_cast<int64_t>(m.shape(0)), static_cast<int64_t>(m.shape(1)),
            static_cast<int64_t>(m.shape(1))};
}

inline Matrix<const float> view(const InRows& m) {
    require(m.size() == 0 || m.shape(1) <= 1 || m.stride(1) == 1, "the elements of a row must lie side by side");
    return {m.data(), static_cast<int64_t>(m.shape(0)), static_cast<int64_t>(m.shape(1)), m.stride(0)};
}

constexpr int64_t kIdsEnd = int64_t{1} << 31;  // ids, and places of entries that are kept as ids, are 32 bits

// So many elements, or so many bytes; what no 64 bits hold, no memory does.
inline std::size_t times(std::size_t a, std::size_t b) {
    std::size_t product;
    if (__builtin_mul_overflow(a, b, &product)) throw std::bad_alloc();
    return product;
}

// Has Python free what `p` points to, once nobody has it any more; at once if Python cannot.
inline nb::capsule owned(void* p, void (*free)(void*) noexcept) {
    try {
        return nb::capsule(p, free);
    } catch (...) {
        free(p);
        throw;
    }
}

// New arrays, 64-byte aligned, their contents not set.
template <class T>
T* allocate(std::size_t n) {
    return static_cast<T*>(take_memory(times(n, sizeof(T))));
}
template <class T>
nb::capsule owner_of(T* data) {
    return owned(data, give_back_memory);
}
template <class T>
OutArray<T> new_array(std::size_t n) {
    T* data = allocate<T>(n);
    return OutArray<T>(data, {n}, owner_of(data));
}
template <class T>
OutMatrix<T> new_matrix(std::size_t n_rows, std::size_t n_columns) {
    T* data = allocate<T>(times(n_rows, n_columns));
    return OutMatrix<T>(data, {n_rows, n_columns}, owner_of(data));
}

template <class T>
OutArray<T> to_array(const std::vector<T>& values) {
    OutArray<T> array = new_array<T>(values.size());
    std::copy(values.begin(), values.end(), array.data());
    return array;
}

using Unlocked = nb::call_guard<GilReleased>;  // for verbs whose whole binding touches no Python object

}  // namespace slidelearn
