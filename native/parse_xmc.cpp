#include "parse_xmc.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>

#include "parse_float.h"
#include "thread_pool.h"

namespace slidelearn {

namespace {

constexpr std::size_t kBlockBytes = 1 << 20;
constexpr int64_t kCountLimit = int64_t{1} << 31;  // ids are int32

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

// Text from the file for an error message: in quotes, cut when long, bytes that are not printable ASCII as \xNN.
std::string quoted(const char* begin, const char* end) {
    constexpr int kLongest = 40;
    std::string text = "'";
    for (const char* p = begin; p < end && p < begin + kLongest; ++p) {
        const auto byte = static_cast<unsigned char>(*p);
        if (byte >= 0x20 && byte < 0x7f) {
            text += *p;
        } else {
            const char* hex = "0123456789abcdef";
            text += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
        }
    }
    return text + (end - begin > kLongest ? "...'" : "'");
}

// A piece of one line, consumed from the front.
struct Cursor {
    const char* p;
    const char* end;

    bool done() const { return p == end; }
    void skip_blanks() {
        while (p < end && is_blank(*p)) ++p;
    }
    Cursor take_until_blank() {
        const char* begin = p;
        while (p < end && !is_blank(*p)) ++p;
        return {begin, p};
    }
    std::string text() const { return quoted(p, end); }
};

// The digits at the front, or -1 where there are none. A number that reaches `limit` stays at or above it.
int64_t take_digits(Cursor& cursor, int64_t limit) {
    if (cursor.done() || !is_digit(*cursor.p)) return -1;
    int64_t value = 0;
    for (; !cursor.done() && is_digit(*cursor.p); ++cursor.p) {
        if (value < limit) value = value * 10 + (*cursor.p - '0');
    }
    return value;
}

void refuse_id(const char* kind, int64_t limit, const Cursor& token) {
    refuse(std::string(kind) + " id must lie in [0, " + std::to_string(limit) + "), counting from 0, but is " +
           token.text());
}

bool is_negative_integer(Cursor token) {
    return !token.done() && *token.p++ == '-' && take_digits(token, 1) >= 0 && token.done();
}

void read_labels(Cursor field, int64_t n_labels, std::vector<int32_t>& labels) {
    const auto first = static_cast<std::ptrdiff_t>(labels.size());
    for (;;) {
        Cursor token{field.p, std::find(field.p, field.end, ',')};
        Cursor rest = token;
        const int64_t label = take_digits(rest, n_labels);
        if (is_negative_integer(token)) refuse_id("label", n_labels, token);
        if (label < 0 || !rest.done()) refuse("expected a label id, but found " + token.text());
        if (label >= n_labels) refuse_id("label", n_labels, token);
        labels.push_back(static_cast<int32_t>(label));
        if (token.end == field.end) break;
        field.p = token.end + 1;
    }
    std::sort(labels.begin() + first, labels.end());
    labels.erase(std::unique(labels.begin() + first, labels.end()), labels.end());
}

[[noreturn]] void explain_feature(const Cursor& token, int64_t n_features) {
    const char* colon = std::find(token.p, token.end, ':');
    if (colon == token.end) refuse("expected 'feature:value', but found " + token.text());
    const Cursor id{token.p, colon};
    Cursor rest = id;
    if (is_negative_integer(id) || (take_digits(rest, n_features) >= n_features && rest.done())) {
        refuse_id("feature", n_features, id);
    }
    if (id.done() || !rest.done()) refuse("expected a feature id before ':', but found " + token.text());
    float value = 0;
    const char* stop = parse_float(colon + 1, token.end, value);
    std::string name(colon + 1, token.end);
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (!name.empty() && (name[0] == '-' || name[0] == '+')) name.erase(0, 1);
    if (stop == token.end || name == "nan" || name == "inf" || name == "infinity") {
        refuse("feature value must be finite in float32, but is " + quoted(colon + 1, token.end));
    }
    refuse("expected a number after ':', but found " + token.text());
}

// Puts the entries from `first` on in the order of their features, and adds up the values of the same one, in the order
// of the line.
void sort_and_merge(GrowingRows& rows, std::size_t first) {
    std::vector<std::pair<int32_t, float>> entries;
    for (std::size_t i = first; i < rows.indices.size(); ++i) entries.emplace_back(rows.indices[i], rows.data[i]);
    std::stable_sort(entries.begin(), entries.end(), [](auto a, auto b) { return a.first < b.first; });
    rows.indices.resize(first);
    rows.data.resize(first);
    for (const auto& [feature, value] : entries) {
        if (rows.indices.size() > first && rows.indices.back() == feature) {
            rows.data.back() += value;
            if (!std::isfinite(rows.data.back())) {
                refuse("the values of feature " + std::to_string(feature) + " must add up to a finite float32");
            }
        } else {
            rows.indices.push_back(feature);
            rows.data.push_back(value);
        }
    }
}

void read_features(Cursor line, int64_t n_features, GrowingRows& rows) {
    const std::size_t first = rows.indices.size();
    int64_t last = -1;
    bool in_order = true;
    for (line.skip_blanks(); !line.done(); line.skip_blanks()) {
        const char* token = line.p;
        const int64_t feature = take_digits(line, n_features);
        bool good = feature >= 0 && feature < n_features && !line.done() && *line.p == ':';
        float value = 0;
        if (good) {
            const char* stop = parse_float(line.p + 1, line.end, value);
            good = stop != nullptr && (stop == line.end || is_blank(*stop)) && std::isfinite(value);
            line.p = stop;
        }
        if (!good) {
            line.p = token;
            explain_feature(line.take_until_blank(), n_features);
        }
        in_order &= feature > last;
        last = feature;
        rows.indices.push_back(static_cast<int32_t>(feature));
        rows.data.push_back(value);
    }
    if (!in_order) sort_and_merge(rows, first);
}

void read_sample(Cursor line, const XmcText& header, SampleBlock& block) {
    Cursor rest = line;
    const Cursor field = rest.take_until_blank();
    // The labels stand first, unless the line begins with a blank or with a feature: then there are none.
    if (!field.done() && std::find(field.p, field.end, ':') == field.end) {
        read_labels(field, header.n_labels, block.labels.indices);
        line = rest;
    }
    read_features(line, header.n_features, block.features);
    block.features.ends.push_back(static_cast<int64_t>(block.features.indices.size()));
    block.labels.ends.push_back(static_cast<int64_t>(block.labels.indices.size()));
}

// The next line without its line break and the blanks before it.
Cursor take_line(Cursor& text) {
    const void* found = std::memchr(text.p, '\n', static_cast<std::size_t>(text.end - text.p));
    const char* line_break = found ? static_cast<const char*>(found) : text.end;
    Cursor line{text.p, line_break};
    while (!line.done() && (is_blank(line.end[-1]) || line.end[-1] == '\r')) --line.end;
    text.p = found ? line_break + 1 : text.end;
    return line;
}

XmcText read_header(Cursor line, bool file_is_empty) {
    const std::string found = file_is_empty ? "the file is empty" : "found " + line.text();
    int64_t counts[3] = {-1, -1, -1};
    for (int64_t& count : counts) {
        line.skip_blanks();
        Cursor token = line.take_until_blank();
        count = take_digits(token, kCountLimit);
        if (!token.done() || count >= kCountLimit) count = -1;
    }
    if (std::min({counts[0], counts[1], counts[2]}) < 0 || !line.done()) {
        refuse("line 1: expected the header 'n_samples n_features n_labels', three counts below 2^31, but " + found);
    }
    return {counts[0], counts[1], counts[2], {}};
}

// The text cut into blocks of whole lines, of a size that does not depend on the number of threads.
std::vector<Cursor> cut_into_blocks(Cursor text) {
    std::vector<Cursor> blocks;
    while (!text.done()) {
        const std::size_t left = static_cast<std::size_t>(text.end - text.p);
        Cursor rest{text.p + std::min(left, kBlockBytes), text.end};
        if (!rest.done()) take_line(rest);
        blocks.push_back({text.p, rest.p});
        text.p = rest.p;
    }
    return blocks;
}

void read_block(Cursor text, int64_t line_number, const XmcText& header, SampleBlock& block) {
    for (; !text.done(); ++line_number) {
        Cursor line = take_line(text);
        try {
            if (line_number - 2 < header.n_samples) {
                read_sample(line, header, block);
            } else if (line.skip_blanks(); !line.done()) {
                refuse("the header promises " + std::to_string(header.n_samples) +
                       " samples, but here is one more: " + line.text());
            }
        } catch (const std::invalid_argument& error) {
            refuse("line " + std::to_string(line_number) + ": " + error.what());
        }
    }
}

}  // namespace

XmcText parse_xmc(const char* text, std::size_t size, int n_threads) {
    Cursor rest{text, text + size};
    if (size >= 3 && std::memcmp(text, "\xEF\xBB\xBF", 3) == 0) rest.p += 3;  // a byte order mark
    const bool file_is_empty = rest.done();
    XmcText parsed = read_header(take_line(rest), file_is_empty);

    const std::vector<Cursor> blocks = cut_into_blocks(rest);
    const int64_t n_blocks = static_cast<int64_t>(blocks.size());
    std::vector<int64_t> first_line(blocks.size() + 1, 0);
    parallel_for(n_threads, n_blocks, [&](int64_t i, int) {
        const Cursor& block = blocks[i];
        first_line[i + 1] = std::count(block.p, block.end, '\n') + (block.end[-1] != '\n');
    });
    first_line[0] = 2;
    for (int64_t i = 0; i < n_blocks; ++i) first_line[i + 1] += first_line[i];

    parsed.blocks.resize(blocks.size());
    std::vector<std::exception_ptr> errors(blocks.size());
    parallel_for(n_threads, n_blocks, [&](int64_t i, int) {
        try {
            read_block(blocks[i], first_line[i], parsed, parsed.blocks[i]);
        } catch (...) {
            errors[i] = std::current_exception();  // a body must not throw
        }
    });
    for (const std::exception_ptr& error : errors) {
        if (error) std::rethrow_exception(error);
    }
    const int64_t n_found = first_line.back() - 2;
    if (n_found < parsed.n_samples) {
        refuse("line 1: the header promises " + std::to_string(parsed.n_samples) + " samples, but the file has " +
               std::to_string(n_found));
    }
    return parsed;
}

int64_t n_entries(const XmcText& parsed, GrowingRows SampleBlock::* side) {
    int64_t n = 0;
    for (const SampleBlock& block : parsed.blocks) n += static_cast<int64_t>((block.*side).indices.size());
    return n;
}

void join_rows(const XmcText& parsed, GrowingRows SampleBlock::* side, int64_t* indptr, int32_t* indices, float* data,
               int n_threads) {
    const int64_t n_blocks = static_cast<int64_t>(parsed.blocks.size());
    std::vector<int64_t> first_row(n_blocks + 1, 0), first_entry(n_blocks + 1, 0);
    for (int64_t i = 0; i < n_blocks; ++i) {
        const GrowingRows& rows = parsed.blocks[i].*side;
        first_row[i + 1] = first_row[i] + static_cast<int64_t>(rows.ends.size());
        first_entry[i + 1] = first_entry[i] + static_cast<int64_t>(rows.indices.size());
    }
    indptr[0] = 0;
    parallel_for(n_threads, n_blocks, [&](int64_t i, int) {
        const GrowingRows& rows = parsed.blocks[i].*side;
        for (std::size_t j = 0; j < rows.ends.size(); ++j) indptr[first_row[i] + j + 1] = first_entry[i] + rows.ends[j];
        std::copy(rows.indices.begin(), rows.indices.end(), indices + first_entry[i]);
        if (data) std::copy(rows.data.begin(), rows.data.end(), data + first_entry[i]);
    });
}

}  // namespace slidelearn
