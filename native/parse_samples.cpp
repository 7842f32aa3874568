#include "parse_samples.h"

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

// The ids that the columns of a matrix have in the file.
struct IdRange {
    int64_t first;
    int64_t end;

    IdRange(const SampleLines& lines, int64_t n_columns) : first(lines.first_id), end(lines.first_id + n_columns) {}
    bool holds(int64_t id) const { return first <= id && id < end; }
    void refuse_other(const char* kind, const Cursor& token) const {
        refuse(std::string(kind) + " id must lie in [" + std::to_string(first) + ", " + std::to_string(end) +
               "), counting from " + std::to_string(first) + ", but is " + token.text());
    }
};

bool is_negative_integer(Cursor token) {
    return !token.done() && *token.p++ == '-' && take_digits(token, 1) >= 0 && token.done();
}

void read_labels(Cursor field, const SampleLines& lines, std::vector<int32_t>& labels) {
    const IdRange range(lines, lines.n_labels);
    const auto first = static_cast<std::ptrdiff_t>(labels.size());
    for (;;) {
        Cursor token{field.p, std::find(field.p, field.end, ',')};
        Cursor rest = token;
        const int64_t label = take_digits(rest, range.end);
        if (is_negative_integer(token)) range.refuse_other("label", token);
        if (label < 0 || !rest.done()) refuse("expected a label id, but found " + token.text());
        if (!range.holds(label)) range.refuse_other("label", token);
        labels.push_back(static_cast<int32_t>(label - range.first));
        if (token.end == field.end) break;
        field.p = token.end + 1;
    }
    std::sort(labels.begin() + first, labels.end());
    labels.erase(std::unique(labels.begin() + first, labels.end()), labels.end());
}

[[noreturn]] void explain_feature(const Cursor& token, const SampleLines& lines) {
    const std::string column = lines.column;
    const char* colon = std::find(token.p, token.end, ':');
    if (colon == token.end) refuse("expected '" + column + ":value', but found " + token.text());
    const Cursor id{token.p, colon};
    const IdRange range(lines, lines.n_features);
    Cursor rest = id;
    const int64_t number = take_digits(rest, range.end);
    if (is_negative_integer(id) || (number >= 0 && rest.done() && !range.holds(number))) {
        range.refuse_other(lines.column, id);
    }
    if (id.done() || !rest.done()) refuse("expected a " + column + " id before ':', but found " + token.text());
    float value = 0;
    const char* stop = parse_float(colon + 1, token.end, value);
    std::string name(colon + 1, token.end);
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (!name.empty() && (name[0] == '-' || name[0] == '+')) name.erase(0, 1);
    if (stop == token.end || name == "nan" || name == "inf" || name == "infinity") {
        refuse(column + " value must be finite in float32, but is " + quoted(colon + 1, token.end));
    }
    refuse("expected a number after ':', but found " + token.text());
}

// Puts the entries from `first` on in the order of their features, and adds up the values of the same one, in the order
// of the line.
void sort_and_merge(GrowingRows& rows, std::size_t first, const SampleLines& lines) {
    std::vector<std::pair<int32_t, float>> entries;
    for (std::size_t i = first; i < rows.indices.size(); ++i) entries.emplace_back(rows.indices[i], rows.data[i]);
    std::stable_sort(entries.begin(), entries.end(), [](auto a, auto b) { return a.first < b.first; });
    rows.indices.resize(first);
    rows.data.resize(first);
    for (const auto& [feature, value] : entries) {
        if (rows.indices.size() > first && rows.indices.back() == feature) {
            rows.data.back() += value;
            if (!std::isfinite(rows.data.back())) {
                refuse("the values of " + std::string(lines.column) + " " + std::to_string(feature + lines.first_id) +
                       " must add up to a finite float32");
            }
        } else {
            rows.indices.push_back(feature);
            rows.data.push_back(value);
        }
    }
}

void read_features(Cursor line, const SampleLines& lines, GrowingRows& rows) {
    const IdRange range(lines, lines.n_features);
    const std::size_t first = rows.indices.size();
    int64_t last = -1;
    bool in_order = true;
    for (line.skip_blanks(); !line.done(); line.skip_blanks()) {
        const char* token = line.p;
        const int64_t feature = take_digits(line, range.end);
        bool good = range.holds(feature) && !line.done() && *line.p == ':';
        float value = 0;
        if (good) {
            const char* stop = parse_float(line.p + 1, line.end, value);
            good = stop != nullptr && (stop == line.end || is_blank(*stop)) && std::isfinite(value);
            line.p = stop;
        }
        if (!good) {
            line.p = token;
            explain_feature(line.take_until_blank(), lines);
        }
        in_order &= feature > last;
        last = feature;
        rows.indices.push_back(static_cast<int32_t>(feature - range.first));
        rows.data.push_back(value);
    }
    if (!in_order) sort_and_merge(rows, first, lines);
}

void read_sample(Cursor line, const SampleLines& lines, SampleBlock& block) {
    Cursor rest = line;
    const Cursor field = rest.take_until_blank();
    // The labels stand first, unless the line begins with a blank or with a feature: then there are none.
    if (lines.labelled && !field.done() && std::find(field.p, field.end, ':') == field.end) {
        read_labels(field, lines, block.labels.indices);
        line = rest;
    }
    read_features(line, lines, block.features);
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

void read_block(Cursor text, int64_t line_number, const SampleLines& lines, SampleBlock& block) {
    constexpr std::ptrdiff_t kBytesOfEntry = 8;  // or more in most files; room that is never filled is never touched
    block.features.indices.reserve((text.end - text.p) / kBytesOfEntry);
    block.features.data.reserve((text.end - text.p) / kBytesOfEntry);
    for (; !text.done(); ++line_number) {
        Cursor line = take_line(text);
        try {
            if (lines.n_samples < 0 || line_number - 2 < lines.n_samples) {
                read_sample(line, lines, block);
            } else if (line.skip_blanks(); !line.done()) {
                refuse("the header has n_samples = " + std::to_string(lines.n_samples) +
                       ", but here is one more: " + line.text());
            }
        } catch (const std::invalid_argument& error) {
            refuse("line " + std::to_string(line_number) + ": " + error.what());
        }
    }
}

}  // namespace

SampleBlocks parse_samples(const char* text, std::size_t size, const SampleLines& lines, int n_threads) {
    const std::vector<Cursor> blocks = cut_into_blocks({text, text + size});
    const int64_t n_blocks = static_cast<int64_t>(blocks.size());
    std::vector<int64_t> first_line(blocks.size() + 1, 0);
    parallel_for(n_threads, n_blocks, [&](int64_t i, int) {
        for (Cursor left = blocks[i]; !left.done(); take_line(left)) ++first_line[i + 1];
    });
    first_line[0] = lines.first_line;
    for (int64_t i = 0; i < n_blocks; ++i) first_line[i + 1] += first_line[i];

    SampleBlocks parsed(blocks.size());
    std::vector<std::exception_ptr> errors(blocks.size());
    parallel_for(n_threads, n_blocks, [&](int64_t i, int) {
        try {
            read_block(blocks[i], first_line[i], lines, parsed[i]);
        } catch (...) {
            errors[i] = std::current_exception();  // blocks before this one may have lines at fault, too
        }
    });
    for (const std::exception_ptr& error : errors) {
        if (error) std::rethrow_exception(error);
    }
    return parsed;
}

int64_t n_rows(const SampleBlocks& parsed) {
    int64_t n = 0;
    for (const SampleBlock& block : parsed) n += static_cast<int64_t>(block.features.ends.size());
    return n;
}

int64_t n_entries(const SampleBlocks& parsed, GrowingRows SampleBlock::* side) {
    int64_t n = 0;
    for (const SampleBlock& block : parsed) n += static_cast<int64_t>((block.*side).indices.size());
    return n;
}

void join_rows(const SampleBlocks& parsed, GrowingRows SampleBlock::* side, int64_t* indptr, int32_t* indices,
               float* data, int n_threads) {
    const int64_t n_blocks = static_cast<int64_t>(parsed.size());
    std::vector<int64_t> first_row(n_blocks + 1, 0), first_entry(n_blocks + 1, 0);
    for (int64_t i = 0; i < n_blocks; ++i) {
        const GrowingRows& rows = parsed[i].*side;
        first_row[i + 1] = first_row[i] + static_cast<int64_t>(rows.ends.size());
        first_entry[i + 1] = first_entry[i] + static_cast<int64_t>(rows.indices.size());
    }
    indptr[0] = 0;
    parallel_for(n_threads, n_blocks, [&](int64_t i, int) {
        const GrowingRows& rows = parsed[i].*side;
        for (std::size_t j = 0; j < rows.ends.size(); ++j) indptr[first_row[i] + j + 1] = first_entry[i] + rows.ends[j];
        std::copy(rows.indices.begin(), rows.indices.end(), indices + first_entry[i]);
        if (data) std::copy(rows.data.begin(), rows.data.end(), data + first_entry[i]);
    });
}

}  // namespace slidelearn
